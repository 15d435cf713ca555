import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseNetwork } from '../../../src/base/network.ts';

test('addresses and networks are read, and nothing else', () => {
  assert.deepEqual(parseNetwork('10.0.0.0/8'), { address: '10.0.0.0', family: 'ipv4', bits: 8 });
  assert.deepEqual(parseNetwork('10.1.2.3'), { address: '10.1.2.3', family: 'ipv4', bits: 32 });
  assert.deepEqual(parseNetwork('fd00::/8'), { address: 'fd00::', family: 'ipv6', bits: 8 });
  assert.deepEqual(parseNetwork('::1'), { address: '::1', family: 'ipv6', bits: 128 });
  for (const text of ['', 'proxy', '10.0.0.0/33', '::1/129', '10.0.0/8', '10.0.0.0/', '10.0.0.0/8 ', '300.0.0.1']) {
    assert.equal(parseNetwork(text), undefined, text);
  }
});

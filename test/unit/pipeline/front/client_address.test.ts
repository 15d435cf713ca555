import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TrustedProxies } from '../../../../src/pipeline/front/client_address.ts';

const PROXIES = new TrustedProxies(['10.0.0.0/8', '192.0.2.7', '2001:db8::/32']);

test('the header of a peer that is not trusted is not read', () => {
  assert.equal(PROXIES.clientOf('203.0.113.1', '198.51.100.1'), '203.0.113.1');
  assert.equal(new TrustedProxies([]).clientOf('10.0.0.1', '198.51.100.1'), '10.0.0.1');
});

test('the client is the rightmost address that is not a trusted proxy, whatever it wrote itself', () => {
  assert.equal(PROXIES.clientOf('10.0.0.1', '198.51.100.1'), '198.51.100.1');
  assert.equal(PROXIES.clientOf('10.0.0.1', '10.9.9.9, 198.51.100.1 ,10.0.0.2,192.0.2.7'), '198.51.100.1');
  assert.equal(PROXIES.clientOf('10.0.0.1', '1.1.1.1, 2.2.2.2'), '2.2.2.2');
});

test('where every address is a proxy the first of them counts, and without a header the peer', () => {
  assert.equal(PROXIES.clientOf('10.0.0.1', '10.0.0.3, 10.0.0.2'), '10.0.0.3');
  assert.equal(PROXIES.clientOf('10.0.0.1', ''), '10.0.0.1');
});

test('what is no address ends the reading', () => {
  assert.equal(PROXIES.clientOf('10.0.0.1', '198.51.100.1, unknown, 10.0.0.2'), '10.0.0.2');
  assert.equal(PROXIES.clientOf('10.0.0.1', ',,,'), '10.0.0.1');
});

test('IPv6 is understood, in full too, and IPv4 within it is IPv4', () => {
  const written_in_full = '2001:0db8:0000:0000:0000:0000:0000:0001';
  assert.equal(PROXIES.clientOf(written_in_full, '2001:db9::5'), '2001:db9::5');
  assert.equal(PROXIES.clientOf('0000:0000:0000:0000:0000:ffff:0a00:0001', '198.51.100.1'), '198.51.100.1');
  assert.equal(PROXIES.clientOf('::ffff:203.0.113.1', '198.51.100.1'), '203.0.113.1');
});

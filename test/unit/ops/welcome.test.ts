import assert from 'node:assert/strict';
import { test } from 'node:test';
import { localUrl, startMessage } from '../../../src/ops/welcome.ts';

test('the message at the start says where the live page is', () => {
  const addresses = { public_url: 'http://127.0.0.1:8080', admin_url: localUrl('0.0.0.0', 8081), clickhouse_url: 'http://127.0.0.1:8123' };
  assert.match(startMessage(addresses), /^ {2}live page {2}http:\/\/127\.0\.0\.1:8081\/$/m);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isLoopback, sealBytesMax, worstCase } from '../../../src/config/limits.ts';
import { loadGiven } from './loading.ts';

const CONTRADICTIONS: readonly { yaml: string; says: RegExp }[] = [
  {
    yaml: 'http: { event_bytes_max: 2 MiB, body_bytes_max: 1 MiB }',
    says: /^http\.event_bytes_max .*: 2 MiB is not allowed; it must not exceed http\.body_bytes_max, which is 1 MiB/,
  },
  {
    yaml: 'http: { bytes_in_flight_max: 15 MiB }',
    says: /^http\.bytes_in_flight_max.* must be at least what a body can take of it, which is 16 MiB/,
  },
  { yaml: 'spool: { queued_bytes_max: 15 MiB }', says: /^spool\.queued_bytes_max.* must be at least what the block of a body can take/ },
  { yaml: 'dispatch: { slab_bytes_max: 64 MiB }\nhttp: { bytes_in_flight_max: 32 MiB }', says: /^dispatch\.slab_bytes_max/ },
  {
    yaml: 'workers: { heap_bytes_max: 256 MiB }',
    says: /^workers\.heap_bytes_max.* must be at least 24 times what a body can take, which is 384 MiB/,
  },
  { yaml: 'delivery: { retry_delay_ms_min: 50000 }', says: /^delivery\.retry_delay_ms_min .*: 50000 is not allowed/ },
  { yaml: 'spool: { group_delay_ms_max: 500, seal_age_ms_max: 100 }', says: /^spool\.group_delay_ms_max/ },
  {
    yaml: 'spool: { free_bytes_min: 2 GiB }',
    says: /^clickhouse\.embedded_free_bytes_min .*: 2 GiB is not allowed; it must not be less than .* together, 2304 MiB/,
  },
  { yaml: 'clickhouse: { retention_months: 2 }', says: /^clickhouse\.retention_months .*: 2 is not allowed; it must be at least 3/ },
  { yaml: 'admin: { host: 0.0.0.0 }', says: /^admin\.host .*beyond loopback it needs admin\.token/ },
  { yaml: 'admin: { port: 8080 }', says: /^admin\.port .*: 8080 is not allowed; http\.port is the same/ },
  { yaml: 'clickhouse: { embedded_port: 8081 }', says: /^clickhouse\.embedded_port/ },
  { yaml: 'clickhouse: { url: "http://u:%ZZ@host" }', says: /^clickhouse\.url .*"http:\/\/…@host" is not allowed; it is no valid address/ },
  {
    yaml: 'registry: { url: "postgres://u:secret%ZZ@host/d" }',
    says: /^registry\.url .*"postgres:\/\/…@host\/d" is not allowed; it is no valid address/,
  },
];
for (const { yaml, says } of CONTRADICTIONS) {
  test(`${yaml.replace('\n', ', ')} contradicts another limit and is refused`, async () => {
    await assert.rejects(loadGiven({ yaml }), { code: 'config_invalid', message: says });
  });
}

const AGREEMENTS = [
  'admin: { host: 0.0.0.0, token: secret }',
  'http: { port: 0 }\nadmin: { port: 0 }\nclickhouse: { embedded_port: 0 }',
  'clickhouse: { url: "https://u:p%40ss@host:8443", embedded_port: 8080 }',
  'clickhouse: { url: "http://[::1]:8123" }',
  'spool: { bytes_max: 1 MiB }',
  'clickhouse: { retention_months: null }',
  'clickhouse: { retention_months: 0 }',
  'clickhouse: { url: "http://h:8123", embedded_free_bytes_min: 0 }',
  'registry: { url: "postgres://u:p%40ss@db.internal:5432/registry?sslmode=verify-full" }',
  'registry: { url: "postgresql:///registry?host=/var/run/postgresql" }',
];
for (const yaml of AGREEMENTS) {
  test(`${yaml.replaceAll('\n', ', ')} is taken`, async () => {
    await loadGiven({ yaml });
  });
}

test('loopback is 127.0.0.0/8, ::1 and localhost, and nothing that only looks like it', () => {
  for (const host of ['127.0.0.1', '127.1.2.3', '::1', 'localhost']) assert.ok(isLoopback(host), host);
  for (const host of ['0.0.0.0', '::', '127.0.0.1.example.com', '10.0.0.1', 'localhost.example.com']) assert.ok(!isLoopback(host), host);
});

test('a segment takes no more than half of a small spool', async () => {
  const { config } = await loadGiven({ yaml: 'spool: { bytes_max: 10 MiB }' });
  assert.equal(sealBytesMax(config.spool), 5 * 1024 ** 2);
});

test('memory and disk at the worst are the sums of their shares, and grow with the limits', async () => {
  const small = worstCase((await loadGiven({ cores: 2 })).config);
  const large = worstCase((await loadGiven({ cores: 3, yaml: 'spool: { bytes_max: 20 GiB }' })).config);
  for (const { memory, memory_bytes } of [small, large])
    assert.equal(
      memory.reduce((sum, share) => sum + share.size_bytes, 0),
      memory_bytes,
    );
  assert.equal(large.memory_bytes - small.memory_bytes, (768 + 16) * 1024 ** 2);
  assert.deepEqual([small.disk_bytes, large.disk_bytes], [10 * 1024 ** 3, 20 * 1024 ** 3]);
});

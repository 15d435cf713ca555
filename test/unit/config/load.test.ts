import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { environmentName } from '../../../src/config/load.ts';
import { SETTINGS } from '../../../src/config/schema.ts';
import { OperatingError } from '../../../src/contract/errors.ts';
import { DEFAULTS_PATH, type Given, loadGiven } from './loading.ts';

async function problemOf(given: Given): Promise<string> {
  const error: unknown = await loadGiven(given).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof OperatingError, 'the configuration was taken');
  assert.equal(error.exit, 2);
  assert.ok(!error.message.includes('\n'), 'more than one line');
  return error.message;
}

test('without a file and an environment the documented defaults hold', async () => {
  const { config, warnings } = await loadGiven();
  assert.deepEqual(warnings, []);
  assert.equal(config.data_dir, '/work_dir/data');
  assert.deepEqual([config.http.host, config.http.port], ['127.0.0.1', 8080]);
  assert.deepEqual([config.admin.host, config.admin.port, config.admin.token], ['127.0.0.1', 8081, null]);
  assert.deepEqual([config.clickhouse.url, config.clickhouse.database, config.clickhouse.embedded_port], ['embedded', 'penstock', 8123]);
  assert.deepEqual([config.spool.ack, config.spool.bytes_max, config.spool.seal_bytes_max], ['disk', 10 * 1024 ** 3, 64 * 1024 ** 2]);
  assert.deepEqual([config.spool.seal_age_ms_max, config.spool.seal_rows_max, config.http.event_bytes_max], [1000, 500_000, 1024 ** 2]);
});

test('workers.threads is by default one per core but one, and at least one', async () => {
  assert.equal((await loadGiven({ cores: 8 })).config.workers.threads, 7);
  assert.equal((await loadGiven({ cores: 1 })).config.workers.threads, 1);
  assert.equal((await loadGiven({ environment: { PENSTOCK_WORKERS__THREADS: '5' } })).config.workers.threads, 5);
});

test('the environment wins over the file, and the file over the defaults', async () => {
  const { config, origins } = await loadGiven({
    yaml: 'http: { port: 1000, host: "0.0.0.0" }\nspool:\nlog: { level: debug }\n',
    environment: { PENSTOCK_HTTP__PORT: '2000', PENSTOCK_SPOOL__ACK: 'memory', PENSTOCK_DATA_DIR: '/var/lib/penstock' },
  });
  assert.deepEqual([config.http.port, config.http.host, config.log.level], [2000, '0.0.0.0', 'debug']);
  assert.deepEqual([config.spool.ack, config.spool.seal_rows_max, config.data_dir], ['memory', 500_000, '/var/lib/penstock']);
  assert.deepEqual(origins.slice(1), ['/work_dir/user.yaml', 'PENSTOCK_DATA_DIR', 'PENSTOCK_HTTP__PORT', 'PENSTOCK_SPOOL__ACK']);
});

test('sizes may be written for people, in files and in the environment', async () => {
  const environment = { PENSTOCK_SPOOL__SEAL_BYTES_MAX: '1.5 MiB', PENSTOCK_SPOOL__QUEUED_BYTES_MAX: '100000000' };
  const { config } = await loadGiven({ yaml: 'spool: { bytes_max: 20 GiB }', environment });
  assert.deepEqual([config.spool.bytes_max, config.spool.seal_bytes_max], [20 * 1024 ** 3, 1.5 * 1024 ** 2]);
  assert.equal(config.spool.queued_bytes_max, 100_000_000);
});

test('an empty text in the environment means none where none is allowed', async () => {
  const { config } = await loadGiven({ yaml: 'admin: { token: secret }', environment: { PENSTOCK_ADMIN__TOKEN: '' } });
  assert.equal(config.admin.token, null);
});

test('a text of digits stays text where the setting is text', async () => {
  assert.equal((await loadGiven({ environment: { PENSTOCK_ADMIN__TOKEN: '1234' } })).config.admin.token, '1234');
});

test('an environment name that matches no setting only warns', async () => {
  const environment = { PENSTOCK_PORT: 'tcp://10.0.0.1:8080', PENSTOCK_HTTP: '1', PENSTOCK_CONFIG: '', OTHER: 'x' };
  const { warnings } = await loadGiven({ environment });
  assert.equal(warnings.length, 2);
  assert.match(warnings.join(), /PENSTOCK_HTTP .*PENSTOCK_PORT /);
});

test('the configuration is frozen throughout', async () => {
  const { config } = await loadGiven();
  for (const value of [config, ...Object.values(config)]) assert.ok(Object.isFrozen(value));
});

test('PENSTOCK_CONFIG names the file when no option does', async () => {
  assert.match(
    await problemOf({ environment: { PENSTOCK_CONFIG: 'missing.yaml' } }),
    /^The configuration file \/work_dir\/missing\.yaml cannot be read: ENOENT/,
  );
});

const WRONG: readonly { given: Given; says: RegExp }[] = [
  { given: { yaml: 'http: { prot: 1 }' }, says: /^http\.prot \(\/work_dir\/user\.yaml\): 1 is not allowed; .*http has host, port,/ },
  { given: { yaml: 'htp: {}' }, says: /^htp .*: \{\} is not allowed; .*the sections are data_dir, log, http/ },
  { given: { yaml: '__proto__: { admin: 1 }' }, says: /^__proto__ .*is not allowed/ },
  { given: { yaml: 'constructor: 1' }, says: /^constructor .*1 is not allowed/ },
  { given: { yaml: 'http: 5' }, says: /^http .*: 5 is not allowed; allowed: a section with host, port/ },
  { given: { yaml: '- a\n- b' }, says: /user\.yaml cannot be read: it holds \["a","b"\], not sections/ },
  { given: { yaml: 'http:\n  port: 1\n  port: 2' }, says: /user\.yaml cannot be read: Map keys must be unique at line 3/ },
  { given: { yaml: 'http: { port: "80" }' }, says: /^http\.port .*: "80" is not allowed; allowed: a whole number from 0 to 65535\.$/ },
  { given: { yaml: 'spool: { bytes_max: 64MB }' }, says: /^spool\.bytes_max .*: "64MB" is not allowed; allowed: 1 MiB to 1024 TiB/ },
  { given: { yaml: 'spool: { ack: never }' }, says: /^spool\.ack .*: "never" is not allowed; allowed: disk, memory\.$/ },
  { given: { environment: { PENSTOCK_HTTP__PORT: 'http' } }, says: /^http\.port \(PENSTOCK_HTTP__PORT\): "http" is not allowed/ },
  { given: { environment: { PENSTOCK_HTTP__PORT: '' } }, says: /^http\.port \(PENSTOCK_HTTP__PORT\): "" is not allowed/ },
  { given: { environment: { PENSTOCK_WORKERS__THREADS: '0' } }, says: /^workers\.threads .*: 0 is not allowed; .*from 1 to 256, or auto/ },
  { given: { environment: { PENSTOCK_DATA_DIR: '' } }, says: /^data_dir .*: "" is not allowed/ },
];
for (const { given, says } of WRONG) {
  test(`${JSON.stringify(given.yaml ?? given.environment)} stops with the setting, its origin, its value and what is allowed`, async () => {
    assert.match(await problemOf(given), says);
  });
}

test('no message shows a secret', async () => {
  const url = await problemOf({ environment: { PENSTOCK_CLICKHOUSE__URL: 'htp://user:hunter2@host:8123' } });
  assert.match(url, /^clickhouse\.url .*"htp:\/\/…@host:8123" is not allowed/);
  const token = await problemOf({ environment: { PENSTOCK_ADMIN__TOKEN: 'hunter2'.repeat(200) } });
  assert.ok(!token.includes('hunter2'));
});

test('every setting stands in default.yaml and has a name in the environment', async () => {
  const lines = (await readFile(DEFAULTS_PATH, 'utf8')).split('\n');
  for (const path of SETTINGS.keys()) {
    const name = path.split('.').at(-1);
    assert.ok(
      lines.some((line) => line.trim().startsWith(`${name}:`)),
      `${path} is not in default.yaml`,
    );
    assert.match(environmentName(path), /^PENSTOCK_[A-Z]+(_+[A-Z]+)*$/);
  }
  assert.equal(environmentName('clickhouse.embedded_port'), 'PENSTOCK_CLICKHOUSE__EMBEDDED_PORT');
});

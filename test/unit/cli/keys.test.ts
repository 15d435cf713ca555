import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { KEYS_COMMANDS } from '../../../src/cli/keys.ts';
import { runOnce, type Session } from './terminal.ts';

type Keys = (...line: string[]) => Promise<Session>;

async function makeKeys(context: TestContext): Promise<Keys> {
  const data_dir = await mkdtemp(join(tmpdir(), 'penstock-cli-keys-'));
  context.after(() => rm(data_dir, { recursive: true, force: true }));
  return (...line) => runOnce(['keys', ...line], [KEYS_COMMANDS], { PENSTOCK_DATA_DIR: data_dir });
}

function parseObject(text: string): Record<string, unknown> {
  const value: unknown = JSON.parse(text);
  assert.ok(typeof value === 'object' && value !== null);
  return { ...value };
}

test('create --json prints one line that begins with the id and the key', async (context) => {
  const keys = await makeKeys(context);
  const line = [
    'create',
    '--use',
    'deploy',
    '--organization',
    'org_a',
    '--project',
    'proj_a',
    '--environment',
    'test',
    '--name',
    'phones',
    '--json',
  ];
  const { code, stdout, stderr } = await keys(...line);
  assert.deepEqual([code, stderr], [0, '']);
  assert.match(stdout, /^\{"id":"key_[0-9a-f]{16}","key":"sk_test_[0-9a-f]{48}",[^\n]*\}\n$/);
  const { use, organization, project, environment, name } = parseObject(stdout);
  assert.deepEqual(
    { use, organization, project, environment, name },
    { use: 'deploy', organization: 'org_a', project: 'proj_a', environment: 'test', name: 'phones' },
  );
});

test('an existing secret is registered, once', async (context) => {
  const keys = await makeKeys(context);
  const line = ['create', '--use', 'webhook', '--organization', 'org_a', '--key', 'carried-by-clients', '--json'];
  const { key } = parseObject((await keys(...line)).stdout);
  assert.equal(key, 'carried-by-clients');
  const again = await keys(...line);
  assert.equal(again.code, 1);
  assert.match(again.stderr, /^This secret is registered already, as key_[0-9a-f]+\..*\n$/);
});

test('a prefix that contradicts the record is wrong usage', async (context) => {
  const { code, stderr } = await (await makeKeys(context))('create', '--use', 'read', '--organization', 'o', '--key', 'sk_live_abcdef');
  assert.equal(code, 2);
  assert.match(stderr, /^The key is refused: its prefix/);
});

test('list shows every key without its secret, and revoke marks one', async (context) => {
  const keys = await makeKeys(context);
  assert.equal((await keys('list')).stdout, 'There are no keys.\n');
  assert.equal((await keys('list', '--json')).stdout, '[]\n');
  const { id, key } = parseObject((await keys('create', '--use', 'events', '--organization', 'org_a', '--json')).stdout);
  const revoked = await keys('revoke', String(id));
  assert.match(revoked.stdout, new RegExp(`^Key ${id} is revoked since 20`));
  const { stdout } = await keys('list');
  assert.ok(!stdout.includes(String(key)));
  const [header, row] = stdout.split('\n');
  assert.match(header ?? '', /^ID +USE +ORGANIZATION/);
  assert.match(row ?? '', new RegExp(`^${id} +events +org_a +- +- +20`));
  assert.match((await keys('list', '--json')).stdout, /^\[\{"id":[^\n]*"revoked_at":"20[^\n]*\}\]\n$/);
});

test('revoking what is not there fails', async (context) => {
  const { code, stderr } = await (await makeKeys(context))('revoke', 'key_none');
  assert.equal(code, 1);
  assert.match(stderr, /^There is no key key_none\./);
});

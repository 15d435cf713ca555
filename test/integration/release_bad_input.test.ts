/** What release statistics refuse, whom they show nothing, and what they say when ClickHouse is away. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DaemonHome } from '../support/daemon.ts';
import { ReleaseReader } from '../support/release_reader.ts';
import { until } from '../support/until.ts';

const KEYS_LOADED_MS_MAX = 10_000;

const EVENT = { event_type: 'apply_success', release_id: 'rel_1', distinct_id: 'a' };

/** Query, and the parameter that the answer must name. */
const NONSENSE: readonly (readonly [query: string, parameter: string])[] = [
  ['from=yesterday', 'from'],
  ['from=', 'from'],
  ['from=2026-02-31', 'from'],
  ['from=2026-13-01', 'from'],
  ['from=2026-01-01T25:00:00Z', 'from'],
  ['from=2026-01-01T00:00:00%2B99:00', 'from'],
  ['from=1767225600', 'from'],
  ['from=1000-01-01', 'from'],
  ['to=9999-01-01', 'to'],
  ['to=2026-01-01T00:00:00Z;DROP TABLE deploy_events', 'to'],
  ['from=2026-01-02&to=2026-01-01', 'from'],
  ['from=2026-01-01&to=2026-01-01', 'from'],
  ['platform=', 'platform'],
  [`platform=${'x'.repeat(257)}`, 'platform'],
  ['platform=ios&platform=android', 'platform'],
  ['platform=%ff', 'platform'],
  ['form=2026-01-01', 'form'],
];
const LIST_NONSENSE: typeof NONSENSE = [
  ...['0', '-1', '1001', '1e3', '1.5', '', 'x', '99999999999999999999'].map((limit): [string, string] => [`limit=${limit}`, 'limit']),
  ['after=rel_none', 'after'],
  ['after=', 'after'],
  ['interval=hour', 'interval'],
];
const RELEASE_NONSENSE: typeof NONSENSE = [
  ['interval=week', 'interval'],
  ['interval=', 'interval'],
  ['interval=HOUR', 'interval'],
  ['limit=5', 'limit'],
];

test('nonsense is 400 with the parameter named', async (context) => {
  const reader = await ReleaseReader.start(context);
  await reader.report([EVENT]);
  const paths = [
    ...[...NONSENSE, ...LIST_NONSENSE].map(([query, parameter]) => [`?${query}`, parameter]),
    ...[...NONSENSE, ...RELEASE_NONSENSE].map(([query, parameter]) => [`/rel_1?${query}`, parameter]),
    [`/${'x'.repeat(257)}`, 'id'],
    ['/%ff', 'id'],
  ];
  for (const [path = '', parameter] of paths) {
    const answer = await reader.get(path);
    const body: { ok: boolean; error: string; message: string } = JSON.parse(await answer.text());
    assert.deepEqual([answer.status, body.ok, body.error], [400, false, 'parameter_invalid'], path);
    assert.ok(body.message.startsWith(`The parameter "${parameter}" is not valid: `), `${path}: ${body.message}`);
  }
  for (const text of [
    "'; DROP TABLE deploy_events; --",
    '\\',
    '{release_id:String}',
    '{database}',
    'é\u0000\n\t"`',
    '../..',
    '__proto__',
  ]) {
    assert.equal((await reader.release(text)).release_id, text);
    assert.deepEqual(await reader.list(`?platform=${encodeURIComponent(text)}`), []);
  }
  assert.equal((await reader.list())[0]?.stats.installs, 1);
});

test('a key sees its own organization, project and environment and no other', async (context) => {
  const reader = await ReleaseReader.start(context);
  await reader.report([EVENT, { ...EVENT, event_type: 'rollback', metadata: { reason: 'secret' } }]);
  const owner = (organization: string, project: string, environment: string): Promise<string> =>
    reader.home
      .command([
        'keys',
        'create',
        '--use',
        'read',
        '--organization',
        organization,
        '--project',
        project,
        '--environment',
        environment,
        '--json',
      ])
      .then(({ stdout }) => {
        const created: { key: string } = JSON.parse(stdout);
        return created.key;
      });
  const empty = await reader.release('rel_none');
  const strangers = [
    await owner('org_other', 'proj_test', 'live'),
    await owner('org_test', 'proj_other', 'live'),
    await owner('org_test', 'proj_test', 'test'),
  ];
  const colleague = await owner('org_test', 'proj_test', 'live');
  await until('the new keys are honoured', KEYS_LOADED_MS_MAX, async () => (await reader.get('', colleague)).status === 200);
  assert.equal((await reader.list('', colleague))[0]?.stats.installs, 1);
  for (const key of strangers) {
    assert.deepEqual(await reader.list('', key), []);
    assert.deepEqual(await reader.release('rel_1', '', key), { ...empty, release_id: 'rel_1' });
    assert.equal((await reader.get('?after=rel_1', key)).status, 400);
  }
  for (const use of ['deploy', 'events', 'webhook'] as const)
    assert.equal((await reader.get('', await reader.home.createKey(use))).status, 401);
  assert.equal((await reader.get('', '')).status, 401);
});

test('while ClickHouse is away the answer is 503 and says when to come back', async (context) => {
  const home = await DaemonHome.create(context, { PENSTOCK_CLICKHOUSE__URL: 'http://127.0.0.1:1' });
  const key = await home.createKey('read');
  const daemon = await home.start();
  for (const path of ['', '/rel_1']) {
    const answer = await fetch(daemon.url(`/api/v1/deploy/releases${path}`), { headers: { 'x-api-key': key } });
    assert.equal(answer.status, 503);
    assert.match(answer.headers.get('retry-after') ?? '', /^\d+$/);
    assert.match(await answer.text(), /"error":"clickhouse_unavailable"/);
  }
  const line = ['health', '--url', daemon.url('/'), '--key', key, '--release', 'rel_1', '--max-crash-rate', '1'];
  const { code, stderr } = await home.command(line);
  assert.equal(code, 1);
  assert.match(stderr, /503: ClickHouse does not answer/);
});

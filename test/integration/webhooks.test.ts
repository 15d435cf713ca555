/** Webhooks through the real daemon into ClickHouse and back, and what must not come out of it anywhere. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { DaemonHome, type RunningDaemon } from '../support/daemon.ts';
import { exchange } from '../support/raw_http.ts';
import { until } from '../support/until.ts';
import { exampleText, exampleWebhooks, webhookText } from '../support/webhooks.ts';

const PATH = '/webhooks/bugsee';
const DELIVERED_MS_MAX = 10_000;
const GUIDE = fileURLToPath(new URL('../../../docs/WEBHOOKS.md', import.meta.url));

async function post(daemon: RunningDaemon, key: string, body: string | Uint8Array): Promise<string> {
  const answer = await daemon.post(PATH, body, { 'x-api-key': key });
  return `${answer.status} ${await answer.text()}`;
}

async function delivered(daemon: RunningDaemon, rows: number): Promise<void> {
  await until(`${rows} webhooks are delivered`, DELIVERED_MS_MAX, async () => (await daemon.count('webhook_events')) === rows);
}

function issue(id: string, key: string, more: Readonly<Record<string, unknown>>): string {
  const recordings = [{ key: 'r', environment: { app: { version: more['version'] } } }];
  const payload = { app: { key: 'IOS' }, issue: { key, type: 'crash', state: 'open', severity: more['severity'] ?? 'low', recordings } };
  return JSON.stringify({ id, type: 'issue.created', created_on: more['created_on'], payload });
}

/** Without nulls and empty objects, which a JSON column does not keep. */
function kept(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(kept);
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).map(([name, member]) => [name, kept(member)] as const);
  return Object.fromEntries(
    members.filter(
      ([, member]) => member !== null && !(typeof member === 'object' && !Array.isArray(member) && Object.keys(member).length === 0),
    ),
  );
}

test('every documented example comes back equal out of body_raw and payload, and is valid', async (context) => {
  const home = await DaemonHome.create(context);
  const key = await home.createKey('webhook');
  const daemon = await home.start();
  const recording = { ...JSON.parse(exampleText('recording')), environment: JSON.parse(exampleText('environment')) };
  const parts = JSON.stringify({ app: { key: 'IOS' }, issue: { key: 'IOS-1', recordings: [recording] } });
  const webhooks = [...exampleWebhooks().map(({ body }) => body), webhookText('issue.created', parts, 'id of the parts')];
  for (const body of webhooks) {
    const { id } = JSON.parse(body);
    assert.equal(await post(daemon, key, body), `200 ${JSON.stringify({ id, status: 'accepted' })}`);
  }
  await delivered(daemon, webhooks.length);
  const rows = await daemon.query<{
    id: string;
    valid: number;
    reason: string;
    body_raw: string;
    payload: unknown;
    organization_id: string;
  }>('SELECT id, valid, reason, body_raw, payload, organization_id FROM webhook_events');
  for (const body of webhooks) {
    const webhook: { id: string; payload: unknown } = JSON.parse(body);
    const row = rows.find(({ id }) => id === webhook.id);
    assert.ok(row !== undefined, webhook.id);
    assert.deepEqual([row.valid, row.reason, row.organization_id, row.body_raw], [1, '', 'org_test', body], webhook.id);
    assert.deepEqual(row.payload, kept(webhook.payload), webhook.id);
  }
  const [found] = await daemon.query(
    "SELECT payload.build.current.size_diff_summary.trend AS trend, toString(created_on) AS created_on FROM webhook_events WHERE id = 'id of build.created.analysed'",
  );
  assert.deepEqual(found, { trend: 'regression', created_on: '2026-03-01 10:00:00.000' });
});

test('what is no event is refused; everything else is kept and counted, and a key is nowhere to be seen', async (context) => {
  const home = await DaemonHome.create(context, { PENSTOCK_LOG__LEVEL: 'debug' });
  const key = await home.createKey('webhook');
  const deploy_key = await home.createKey('deploy');
  const daemon = await home.start();
  const good = exampleWebhooks()[0].body;

  await context.test('refusals', async () => {
    assert.match(await post(daemon, key, 'nonsense'), /^400 .*"not_json"/);
    assert.match(await post(daemon, key, '[]'), /^400 .*"not_an_object"/);
    assert.match(await post(daemon, key, '{"type":"app.created"}'), /^400 .*"no_webhook_id"/);
    assert.match(await post(daemon, key, '{"id":"a","type":7}'), /^400 .*"no_webhook_type"/);
    assert.match(await post(daemon, deploy_key, good), /^401 .*"unauthorized"/);
    const head = `POST ${PATH} HTTP/1.1\r\nHost: h\r\nx-api-key: ${key}\r\nContent-Length: ${2 ** 24 + 1}\r\n\r\n`;
    assert.match(await exchange(home.http_port, [head]), /^HTTP\/1\.1 413 [\s\S]*"body_too_large"/);
  });

  await context.test('credentials in three places', async () => {
    const keys: readonly (readonly [string, Record<string, string>])[] = [
      [PATH, { 'x-api-key': key }],
      [PATH, { Authorization: `Bearer ${key}` }],
      [`${PATH}?key=${key}`, {}],
    ];
    for (const [index, [path, headers]] of keys.entries()) {
      assert.equal((await daemon.post(path, good.replace('id of', `id ${index} of`), headers)).status, 200);
    }
    for (const path of [
      PATH,
      `${PATH}?key=${deploy_key}`,
      `${PATH}?key=wrong_secret`,
      `${PATH}?key=%zz${key}`,
      `${PATH}/${key}?key=${key}`,
    ]) {
      assert.notEqual((await daemon.post(path, good, {})).status, 200);
    }
  });

  const large = JSON.parse(exampleText('build.created.analysed'));
  large.build.current.size_summary.variants = Array.from({ length: 60_000 }, (_, index) => ({
    locale: `l${index}`,
    install_size: index,
    download_size: 1,
  }));
  const kept_bodies = [
    '{"id":"","type":""}',
    '{"id":"unknown","type":"issue.merged","payload":{"app":{"key":"A"}}}',
    '{"id":"broken","type":"user.created","payload":{"user":{}}}',
    '{"id":"twice","type":"issue.merged","type":"user.deleted","payload":{"user":{"email":"a"}}}',
    '{"id":"\\ud800","type":"user.deleted","payload":{"user":{"email":"\\n\\nDROP TABLE webhook_events;"}}}',
    `{"id":"deep","type":"user.deleted","payload":{"user":{"email":"a"}},"x":${'['.repeat(9_000)}${']'.repeat(9_000)}}`,
    `{"id":"keys","type":"user.deleted","payload":{"user":{"email":"a"}},"x":{${Array.from({ length: 120_000 }, (_, index) => `"k${index}":1`).join()}}}`,
    '{"__proto__":{"valid":1},"id":"proto","type":"user.deleted","payload":{"user":{"email":"a","__proto__":1}}}',
    webhookText('build.created', JSON.stringify(large), 'large'),
    `{"id":"largest","type":"user.deleted","payload":{"user":{"email":"${'a'.repeat(2 ** 24 - 70)}"}}}`,
  ];
  await context.test('hostile bodies', async () => {
    assert.equal(kept_bodies.at(-1)?.length, 2 ** 24);
    for (const body of kept_bodies) assert.match(await post(daemon, key, body), /^200 .*"accepted"/, body.slice(0, 100));
    await delivered(daemon, kept_bodies.length + 3);
    const rows = await daemon.query<{ id: string; valid: number; length: string; is_empty: number }>(
      "SELECT id, valid, length(body_raw) AS length, toString(payload) = '{}' AS is_empty FROM webhook_events WHERE id NOT LIKE 'id %'",
    );
    const facts = (id: string): unknown => {
      const row = rows.find((each) => each.id === id);
      return row && [row.valid, row.is_empty, Number(row.length)];
    };
    const lengths = kept_bodies.map((body) => Buffer.byteLength(body));
    assert.deepEqual(['', 'unknown', 'broken', 'twice', '\ufffd', 'deep', 'keys', 'proto', 'large', 'largest'].map(facts), [
      [0, 1, lengths[0]],
      [0, 0, lengths[1]],
      [0, 1, lengths[2]],
      [1, 0, lengths[3]],
      [1, 0, lengths[4]],
      [0, 1, lengths[5]],
      [0, 1, lengths[6]],
      [1, 0, lengths[7]],
      [1, 0, lengths[8]],
      [1, 0, lengths[9]],
    ]);
  });

  await context.test('metrics, log lines, and no key in any of them', async () => {
    const metrics = await (await fetch(daemon.adminUrl('/metrics'))).text();
    assert.match(metrics, /^penstock_events_invalid_total\{source="crash_webhooks",type="unknown",reason="unknown_type"\} 2$/m);
    assert.match(metrics, /^penstock_events_invalid_total\{source="crash_webhooks",type="user.created",reason="missing_field"\} 1$/m);
    assert.match(metrics, /^penstock_events_accepted_total\{source="crash_webhooks"\} 13$/m);
    const lines = daemon.stdout.split('\n').filter((line) => line.includes('"event_invalid"'));
    assert.equal(lines.length, 3);
    assert.match(lines.join('\n'), /"type":"user.created","kind":"missing_field","reason":"payload.user.email is missing \(required\)"/);
    const ready = await (await fetch(daemon.url('/readyz'))).text();
    assert.equal(await daemon.stop(), 0);
    for (const secret of [key, deploy_key, 'wrong_secret', 'DROP TABLE']) {
      for (const [name, text] of Object.entries({ metrics, ready, stdout: daemon.stdout, stderr: daemon.stderr })) {
        assert.ok(!text.includes(secret), `${name} has ${secret}`);
      }
    }
  });
});

test('webhooks are taken while ClickHouse is away', async (context) => {
  const home = await DaemonHome.create(context, { PENSTOCK_CLICKHOUSE__URL: 'http://127.0.0.1:1' });
  const key = await home.createKey('webhook');
  const daemon = await home.start();
  for (const { body } of exampleWebhooks()) assert.match(await post(daemon, key, body), /^200 /);
});

test('the query of the guide joins a release with the issues created while it rolled out', async (context) => {
  const home = await DaemonHome.create(context);
  const webhook_key = await home.createKey('webhook');
  const deploy_key = await home.createKey('deploy');
  const daemon = await home.start();
  const report = (release_id: string, app_version: string, types: readonly string[]): string =>
    JSON.stringify({ events: types.map((event_type, index) => ({ event_type, release_id, app_version, distinct_id: `d${index}` })) });
  const types = ['apply_success', 'apply_success', 'crash_on_update', 'rollback'];
  for (const body of [report('rel_1', '1.2.0', types), report('rel_2', '9.9.9', ['apply_success'])]) {
    assert.equal((await daemon.post('/api/deploy/report', body, { 'x-api-key': deploy_key })).status, 202);
  }
  const now = (): string => new Date().toISOString();
  for (const body of [
    issue('a', 'IOS-1', { version: '1.2.0', severity: 'blocker', created_on: now() }),
    issue('b', 'IOS-1', { version: '1.2.0', severity: 'blocker', created_on: now() }),
    issue('c', 'IOS-2', { version: '1.2.0', created_on: now() }),
    issue('d', 'IOS-3', { version: '1.2.0', created_on: '2018-10-16T08:18:25.411Z' }),
    issue('e', 'IOS-4', { version: '1.1.0', created_on: now() }),
  ]) {
    assert.match(await post(daemon, webhook_key, body), /^200 /);
  }
  await delivered(daemon, 5);
  await until('the reports are delivered', DELIVERED_MS_MAX, async () => (await daemon.count('deploy_events')) === 5);
  const [, invalid = '', join = ''] = /```sql\n([\s\S]*?)```[\s\S]*```sql\n([\s\S]*?)```/.exec(readFileSync(GUIDE, 'utf8')) ?? [];
  assert.deepEqual(await daemon.query(invalid), []);
  const rows = await daemon.query<Record<string, unknown>>(join);
  const [{ first_seen, last_seen, ...row }] = rows;
  assert.equal(rows.length, 1);
  assert.ok(first_seen !== undefined && last_seen !== undefined);
  for (const name of ['devices', 'crashes', 'rollbacks', 'issues', 'grave_issues']) row[name] = Number(row[name]);
  assert.deepEqual(row, {
    app_key: 'IOS',
    app_version: '1.2.0',
    release_id: 'rel_1',
    environment: 'live',
    devices: 4,
    crashes: 1,
    rollbacks: 1,
    issues: 2,
    grave_issues: 1,
    issue_keys: ['IOS-1', 'IOS-2'],
  });
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RECEIVED_AT_MS, TENANT } from '../../../support/slabs.ts';
import { CREATED_ON, exampleText, exampleWebhooks, takeWebhook, takeWebhooks, webhookText } from '../../../support/webhooks.ts';

const MINIMAL = { id: 'i', type: 'user.deleted', payload: { user: { email: 'a@example.com' } } };
const NO_FIELDS = {
  app_key: '',
  issue_key: '',
  issue_type: '',
  issue_state: '',
  severity: '',
  build_uuid: '',
  package_id: '',
  app_version: '',
  size_analysis_status: '',
  user_email: '',
  device_id: '',
};

/** The code of a webhook that is refused, or what the row says of it. */
function fate(body: string | Uint8Array): string {
  const { row, outcome } = takeWebhook(body);
  return outcome.kind === 'refused' ? outcome.code : `${row['valid']} ${row['reason']}`;
}

function webhook(members: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({ ...MINIMAL, ...members });
}

test('each type fills the columns that it has, and leaves the others empty', () => {
  const issue = { app_key: 'IOS', issue_key: 'IOS-123', issue_type: 'bug', issue_state: 'open', severity: 'medium' };
  const feedback = { app_key: 'IOS', user_email: 'john.smith@example.com', device_id: 'D11B5769-781B-44B0-9CB7-B2D8D9C7A831' };
  const build = {
    app_key: 'ANDROID',
    build_uuid: 'a1b2c3d4-e5f6-7890-abcd-ef1234567890',
    package_id: 'com.example.app',
    app_version: '2.4.1',
  };
  const expected: Readonly<Record<string, Partial<typeof NO_FIELDS>>> = {
    'app.created': { app_key: 'IOS' },
    'app.updated': { app_key: 'IOS' },
    'app.deleted': { app_key: 'IOS' },
    'issue.created': issue,
    'issue.updated': issue,
    'issue.closed': { ...issue, issue_state: 'closed' },
    'issue.reopened': issue,
    'issue.regressed': { ...issue, issue_type: 'crash', severity: 'blocker' },
    'issue.deleted': issue,
    'issue.comment': { app_key: 'IOS', issue_key: 'IOS-123' },
    'user.created': { user_email: 'amy.jameson@example.com' },
    'user.updated': { user_email: 'amy.jameson@example.com' },
    'user.deleted': { user_email: 'amy.jameson@example.com' },
    'unsymbolicated.created': issue,
    'feedback.message.in': feedback,
    'feedback.message.out': feedback,
    'build.created.registered': { ...build, size_analysis_status: 'unavailable' },
    'build.created.analysed': { ...build, size_analysis_status: 'ready' },
    'build.deleted': { ...build, size_analysis_status: 'ready' },
  };
  for (const { name, type, body } of exampleWebhooks()) {
    const { row, outcome } = takeWebhook(body);
    assert.ok(outcome.kind === 'event');
    const { payload, ...columns } = row;
    assert.deepEqual(JSON.parse(String(payload)), JSON.parse(body).payload);
    assert.deepEqual(
      columns,
      {
        ...TENANT,
        event_id: outcome.event_id,
        id: `id of ${name}`,
        type,
        created_on: Date.parse(CREATED_ON),
        received_at: RECEIVED_AT_MS,
        ...NO_FIELDS,
        ...expected[name],
        body_raw: body,
        valid: 1,
        reason: '',
      },
      name,
    );
  }
});

test('an issue has the version, package and device of its latest recording that says them', () => {
  const environment = JSON.parse(exampleText('environment'));
  const recordings = [{ key: 'a', environment: { app: { version: '0.9' } } }, { key: 'b', environment }, { key: 'c' }];
  const { row } = takeWebhook(webhook({ type: 'issue.created', payload: { app: { key: 'A' }, issue: { key: 'A-1', recordings } } }));
  assert.deepEqual([row['app_version'], row['package_id'], row['device_id']], ['1.0.0', 'com.example.MyCoolApp', '']);
});

test('the documented envelope is an event, and what its empty payload lacks is said', () => {
  const body = exampleText('envelope');
  const { row } = takeWebhook(body);
  assert.deepEqual([row['id'], row['valid'], row['reason']], ['4fhs63jd', 0, 'payload.app is missing (required)']);
  assert.equal(row['created_on'], Date.UTC(2018, 0, 16, 8, 18, 25, 411));
});

test('only what is no event is refused', () => {
  assert.equal(fate('nonsense'), 'not_json');
  assert.equal(fate('[{"id":"a","type":"b"}]'), 'not_an_object');
  assert.equal(fate('null'), 'not_an_object');
  assert.equal(fate('{}'), 'no_webhook_id');
  assert.equal(fate('{"id":5,"type":"app.created"}'), 'no_webhook_id');
  assert.equal(fate('{"id":"a"}'), 'no_webhook_type');
  assert.equal(fate('{"id":"a","type":null}'), 'no_webhook_type');
  assert.equal(fate(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])), 'not_json');
  assert.equal(fate('{"id":"","type":""}'), '0 type is none of the known types of webhooks');
});

test('a type that nobody knows is kept with what its payload says', () => {
  const { row, outcome } = takeWebhook(
    webhook({ type: 'issue.merged', payload: { app: { key: 'A' }, issue: { key: 'A-1', state: 'merged' } } }),
  );
  assert.deepEqual(
    [row['type'], row['valid'], row['app_key'], row['issue_key'], row['issue_state']],
    ['issue.merged', 0, 'A', 'A-1', 'merged'],
  );
  assert.deepEqual(outcome.kind === 'event' && outcome.deviation, { kind: 'unknown_type', type: 'unknown', reason: row['reason'] });
});

test('what is no member is told from what is of a wrong type, in the envelope too', () => {
  assert.equal(fate(webhook({ payload: undefined })), '0 payload is missing (required)');
  assert.equal(fate(webhook({ payload: null })), '0 payload must be object (type)');
  assert.equal(fate(webhook({ payload: [] })), '0 payload must be object (type)');
  assert.equal(fate(webhook({ created_on: 1516090705411 })), '0 created_on must be string (type)');
  assert.equal(fate(webhook({ more: { of: 'the future' } })), '1 ');
});

test('a time is kept as it was meant; one that is missing is that of the receipt', () => {
  const times: readonly (readonly [string | undefined, number])[] = [
    [undefined, RECEIVED_AT_MS],
    ['2018-01-16T08:18:25.411Z', Date.UTC(2018, 0, 16, 8, 18, 25, 411)],
    ['2018-01-16T08:18:25+13:45', Date.UTC(2018, 0, 15, 18, 33, 25)],
    ['1900-01-01T00:00:00.000Z', Date.UTC(1900, 0, 1)],
    ['1965-05-05T05:05:05.005Z', Date.UTC(1965, 4, 5, 5, 5, 5, 5)],
    ['2299-12-31T23:59:59.999Z', Date.UTC(2299, 11, 31, 23, 59, 59, 999)],
  ];
  for (const [created_on, time_ms] of times) {
    const { row } = takeWebhook(webhook({ created_on }));
    assert.deepEqual([row['created_on'], row['valid']], [time_ms, 1], created_on);
  }
});

test('a time that cannot be kept is that of the receipt, and the webhook is invalid', () => {
  for (const [created_on, reason] of [
    ['yesterday', 'created_on is no ISO time'],
    ['', 'created_on is no ISO time'],
    ['2018-02-30T00:00:00Z', 'created_on is no ISO time'],
    ['1899-12-31T23:59:59.999Z', 'created_on is not between the years 1900 and 2299'],
    ['2299-12-31T23:59:59-14:00', 'created_on is not between the years 1900 and 2299'],
  ]) {
    const { row } = takeWebhook(webhook({ created_on }));
    assert.deepEqual([row['created_on'], row['valid'], row['reason']], [RECEIVED_AT_MS, 0, reason]);
  }
});

test('a payload that the JSON column may not take is kept in the whole body, as it came', () => {
  const unfit = [
    '{"id":"i","type":"user.deleted","payload":{"user":{"email":"a@example.com","email":"b"}}}',
    '{"id":"i","type":"user.deleted","payload":{"user":{"email":"\\ud800"}}}',
    '{"id":"i","type":"user.deleted","payload":{"user":{"email":"a","size":99999999999999999999}}}',
    '{"id":"i","type":"user.deleted","payload":{"user":{"email":"a","b":{"c":1},"b.c":2}}}',
  ];
  for (const body of unfit) {
    const { row, outcome } = takeWebhook(body);
    assert.deepEqual([row['id'], row['payload'], row['body_raw'], row['valid']], ['i', '{}', body, 0], body);
    assert.match(String(row['reason']), /^the payload has a key twice, a lone surrogate/);
    assert.equal(outcome.kind === 'event' && outcome.deviation?.kind, 'not_queryable');
  }
});

test('bodies that would hurt a parser are kept without being parsed', () => {
  const deep = `{"id":"i","type":"user.deleted","created_on":"2018-01-16","x":${'['.repeat(100_000)}${']'.repeat(100_000)}}`;
  const flood = `{"x":{${Array.from({ length: 2_000 }, (_, index) => `"${index}":1`).join()}},"\\u0069d":"i","type":"user.deleted"}`;
  for (const [body, reason] of [
    [deep, 'the body nests too deep to be read'],
    [flood, 'the body has too many keys to be read'],
  ]) {
    const { row } = takeWebhook(body);
    assert.deepEqual([row['id'], row['type'], row['payload'], row['body_raw'], row['valid']], ['i', 'user.deleted', '{}', body, 0]);
    assert.ok(String(row['reason']).startsWith(reason));
  }
  assert.equal(takeWebhook(deep).row['created_on'], Date.UTC(2018, 0, 16));
  assert.equal(fate('['.repeat(100_000) + ']'.repeat(100_000)), 'not_an_object');
  assert.equal(fate('['.repeat(100_000)), 'not_json');
  assert.equal(fate(deep.replace('"id":"i"', '"id":5')), 'no_webhook_id');
  assert.equal(fate(deep.slice(0, -1)), 'not_json');
});

test('inherited names are plain data', () => {
  const body =
    '{"__proto__":{"id":"x"},"id":"__proto__","type":"user.deleted","payload":{"__proto__":{"user":1},"user":{"email":"constructor","toString":1}}}';
  const { row } = takeWebhook(body);
  const payload = '{"__proto__":{"user":1},"user":{"email":"constructor","toString":1}}';
  assert.deepEqual([row['id'], row['user_email'], row['valid'], row['payload']], ['__proto__', 'constructor', 1, payload]);
  assert.equal(fate('{"__proto__":{"id":"a","type":"b"}}'), 'no_webhook_id');
  assert.equal(fate(webhook({ type: 'constructor' })), '0 type is none of the known types of webhooks');
});

test('the answer says the id as it came, and a repeat of the same bytes has the same identity and claim', () => {
  const body = webhook({ id: 'é"\n😀' });
  const [first, again, other, spaced] = takeWebhooks([body, body, webhook({ id: 'other' }), `${body} `]).map(({ outcome }) => {
    assert.ok(outcome.kind === 'event');
    const [claim] = outcome.claims;
    assert.ok(claim.of === 'delivery');
    return { ...outcome, claim };
  });
  assert.deepEqual(JSON.parse(first.answer), { id: 'é"\n😀', status: 'accepted' });
  assert.deepEqual(JSON.parse(first.claim.repeat_answer), { id: 'é"\n😀', status: 'duplicate' });
  assert.deepEqual([again.event_id, again.claim], [first.event_id, first.claim]);
  assert.equal(new Set([first, other, spaced].map(({ event_id }) => event_id)).size, 3);
  assert.equal(new Set([first, other, spaced].map(({ claim }) => claim.key)).size, 3);
});

test('a claim is the same in every project of an organization, and short however long the id is', () => {
  const tenants = [TENANT, { ...TENANT, project_id: 'another' }];
  const body = webhook({ id: 'i'.repeat(100_000) });
  const keys = takeWebhooks([body, body], { tenants, tenant_of: (index) => index }).map(({ outcome }) => {
    const claim = outcome.kind === 'event' ? outcome.claims[0] : undefined;
    return claim?.of === 'delivery' ? claim.key : '';
  });
  assert.equal(keys[0], keys[1]);
  assert.ok(keys[0].length < 200);
});

test('a reason is short and says nothing of what was sent but names', () => {
  const name = 'x'.repeat(10_000);
  const { row } = takeWebhook(
    webhook({ type: 'user.updated', payload: { user: { email: 'a@example.com' }, changes: { [name]: 'secret' } } }),
  );
  const reason = String(row['reason']);
  assert.ok(reason.startsWith('payload.changes.xxx') && reason.length < 600, `${reason.length} characters`);
  assert.ok(!reason.includes('secret'));
});

test('a build with a summary of five megabytes is valid and queryable', () => {
  const payload = JSON.parse(exampleText('build.created.analysed'));
  const variant = { abi: 'arm64-v8a', density: 'xxhdpi', locale: 'de', download_size: 34_000_000, install_size: 56_000_000 };
  payload.build.current.size_summary.shipped_variants = Array.from({ length: 50_000 }, (_, index) => ({ ...variant, locale: `l${index}` }));
  const body = webhookText('build.created', JSON.stringify(payload));
  assert.ok(body.length > 5_000_000);
  const { row } = takeWebhook(body);
  assert.deepEqual([row['valid'], row['reason']], [1, '']);
  assert.ok(row['payload'] === JSON.stringify(payload) && row['body_raw'] === body);
});

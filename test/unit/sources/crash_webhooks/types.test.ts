import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Ajv } from 'ajv';
import { WEBHOOK_SCHEMA, WEBHOOK_TYPES } from '../../../../src/sources/crash_webhooks/schema.ts';
import { exampleText, exampleWebhooks, takeWebhook, webhookText } from '../../../support/webhooks.ts';

/** A field of the payload, and a value that the documentation does not allow there; `undefined` takes the field away. */
type Breach = readonly [path: string, value: unknown, reason: string];

interface TypeCase {
  /** The example, where its name is not that of the type. */
  readonly example?: string;
  readonly broken: readonly Breach[];
  /** A container to which a sender of the future adds fields. */
  readonly grows: string;
}

const APP_BROKEN: readonly Breach[] = [
  ['app.type', 'windows', 'payload.app.type must be one of ios, android, web (enum)'],
  ['app.subtype', 'flutter', 'payload.app.subtype must be one of xamarin, cordova, react_native, unity, (empty) (enum)'],
  ['app.timezone', '0', 'payload.app.timezone must be number (type)'],
  ['app.key', undefined, 'payload.app.key is missing (required)'],
];
const ISSUE_BROKEN: readonly Breach[] = [
  ['issue.type', 'glitch', 'payload.issue.type must be one of bug, crash, error (enum)'],
  ['issue.severity', 'Medium', 'payload.issue.severity must be one of unknown, low, medium, high, critical, blocker (enum)'],
  ['issue.state', 'reopened', 'payload.issue.state must be one of open, closed (enum)'],
  ['issue.labels', ['a', 7], 'payload.issue.labels[1] must be string (type)'],
  ['issue.recordings', [{ key: 1 }], 'payload.issue.recordings[0].key must be string (type)'],
  ['issue', undefined, 'payload.issue is missing (required)'],
  ['issue.key', null, 'payload.issue.key must be string (type)'],
  ['app', undefined, 'payload.app is missing (required)'],
];
const USER_BROKEN: readonly Breach[] = [
  ['user', undefined, 'payload.user is missing (required)'],
  ['user.email', undefined, 'payload.user.email is missing (required)'],
  ['user.admin', 'false', 'payload.user.admin must be boolean (type)'],
];
const FEEDBACK_BROKEN: readonly Breach[] = [
  ['thread.state', 'waiting', 'payload.thread.state must be one of open, closed (enum)'],
  ['thread.device_id', undefined, 'payload.thread.device_id is missing (required)'],
  ['message.messages', {}, 'payload.message.messages must be array (type)'],
  ['message', undefined, 'payload.message is missing (required)'],
];
const BUILD_STATUS = 'payload.build.current.size_analysis_status is not among the values that are known (discriminator)';
const CHANGES_BROKEN: Breach = ['changes', undefined, 'payload.changes is missing (required)'];

function personOf(path: string): Breach {
  return [`${path}.email`, 7, `payload.${path}.email must be string (type)`];
}

const CASES: Readonly<Record<string, TypeCase>> = {
  'app.created': { broken: [...APP_BROKEN, personOf('app.created_by')], grows: 'app' },
  'app.updated': { broken: [...APP_BROKEN, personOf('app.updated_by'), CHANGES_BROKEN], grows: 'changes.<field_name>' },
  'app.deleted': { broken: [...APP_BROKEN, personOf('app.deleted_by')], grows: 'app.deleted_by' },
  'issue.created': { broken: [...ISSUE_BROKEN, personOf('issue.created_by')], grows: 'issue' },
  'issue.updated': { broken: [...ISSUE_BROKEN, personOf('issue.updated_by'), CHANGES_BROKEN], grows: 'changes' },
  'issue.closed': { broken: [...ISSUE_BROKEN, personOf('issue.closed_by')], grows: 'issue' },
  'issue.reopened': { broken: [...ISSUE_BROKEN, personOf('issue.reopened_by')], grows: 'issue' },
  'issue.regressed': {
    broken: [...ISSUE_BROKEN, ['issue.regressed_on', 5, 'payload.issue.regressed_on must be string (type)']],
    grows: 'issue',
  },
  'issue.deleted': { broken: [...ISSUE_BROKEN, personOf('issue.deleted_by')], grows: 'app' },
  'issue.comment': {
    broken: [
      ['comment', undefined, 'payload.comment is missing (required)'],
      ['comment.text', ['text'], 'payload.comment.text must be string (type)'],
      ['issue.key', 5, 'payload.issue.key must be string (type)'],
    ],
    grows: 'comment',
  },
  'user.created': { broken: [...USER_BROKEN, personOf('user.created_by')], grows: 'user' },
  'user.updated': { broken: [...USER_BROKEN, CHANGES_BROKEN], grows: 'user' },
  'user.deleted': { broken: [...USER_BROKEN, personOf('user.deleted_by')], grows: 'user' },
  'unsymbolicated.created': { broken: [...ISSUE_BROKEN, personOf('issue.created_by')], grows: 'issue' },
  'feedback.message.in': { broken: FEEDBACK_BROKEN, grows: 'thread' },
  'feedback.message.out': { broken: FEEDBACK_BROKEN, grows: 'message' },
  'build.created': {
    example: 'build.created.analysed',
    broken: [
      ['build.current', undefined, 'payload.build.current is missing (required)'],
      ['build.current.uuid', undefined, 'payload.build.current.uuid is missing (required)'],
      ['build.current.size_analysis_status', undefined, 'payload.build.current.size_analysis_status is missing (required)'],
      ['build.current.size_analysis_status', 'done', BUILD_STATUS],
      ['build.current.size_analysis_status', 'processing', 'payload.build.current.size_summary must be absent (false schema)'],
      ['build.current.format', 'exe', 'payload.build.current.format must be one of aab, apk, ipa (enum)'],
      ['build.current.vcs.pr_number', '42', 'payload.build.current.vcs.pr_number must be number (type)'],
      ['build.current.size_summary.install_size', '1', 'payload.build.current.size_summary.install_size must be number (type)'],
      [
        'build.current.size_diff_summary.trend',
        'up',
        'payload.build.current.size_diff_summary.trend must be one of regression, improvement, unchanged (enum)',
      ],
      ['build.previous.uuid', 5, 'payload.build.previous.uuid must be string (type)'],
    ],
    grows: 'build.current.size_summary',
  },
  'build.deleted': {
    broken: [
      ['build.uuid', undefined, 'payload.build.uuid is missing (required)'],
      [
        'build.size_analysis_status',
        'gone',
        'payload.build.size_analysis_status must be one of unavailable, uploading, processing, failed, ready (enum)',
      ],
      personOf('deleted_by'),
    ],
    grows: 'build',
  },
};

/** The example with another value at `path`. */
function changed(name: string, path: string, value: unknown): string {
  const payload: unknown = JSON.parse(exampleText(name));
  const names = path.split('.');
  const last = names.pop() ?? '';
  let holder: unknown = payload;
  for (const each of names) holder = Reflect.get(Object(holder), each);
  assert.ok(typeof holder === 'object' && holder !== null, `${name} has nothing at ${path}`);
  if (value === undefined) Reflect.deleteProperty(holder, last);
  else Reflect.set(holder, last, value);
  return JSON.stringify(payload);
}

test('there are 18 types, and each has an example', () => {
  assert.equal(WEBHOOK_TYPES.length, 18);
  assert.deepEqual(Object.keys(CASES), WEBHOOK_TYPES);
  assert.deepEqual([...new Set(exampleWebhooks().map(({ type }) => type))].toSorted(), WEBHOOK_TYPES.toSorted());
});

for (const { name, body } of exampleWebhooks()) {
  test(`the documented example of ${name} is valid, and body_raw and payload are what came`, () => {
    const { row } = takeWebhook(body);
    assert.deepEqual([row['valid'], row['reason']], [1, '']);
    assert.equal(row['body_raw'], body);
    assert.deepEqual(JSON.parse(String(row['payload'])), JSON.parse(body).payload);
  });
}

for (const [type, { example = type, broken, grows }] of Object.entries(CASES)) {
  for (const [path, value, reason] of broken) {
    test(`${type}: ${path} ${value === undefined ? 'missing' : `being ${JSON.stringify(value)}`} is kept as invalid, with the reason`, () => {
      const body = webhookText(type, changed(example, path, value));
      const { row, outcome } = takeWebhook(body);
      assert.deepEqual([row['valid'], row['reason'], row['body_raw']], [0, reason, body]);
      assert.deepEqual(JSON.parse(String(row['payload'])), JSON.parse(body).payload);
      assert.equal(outcome.kind === 'event' && outcome.deviation?.type, type);
    });
  }

  test(`${type}: fields that a later version adds change nothing`, () => {
    const future = { at: [1, null], by: 'x' };
    const { row } = takeWebhook(webhookText(type, changed(example, `${grows}.added_in_2031`, future)));
    assert.deepEqual([row['valid'], row['reason']], [1, '']);
    assert.equal(takeWebhook(webhookText(type, changed(example, 'added_in_2031', future))).row['valid'], 1);
  });
}

test('what the documentation shows or says anywhere is valid', () => {
  const valid: readonly (readonly [type: string, example: string, path: string, value: unknown])[] = [
    ['issue.created', 'issue.created', 'issue.recordings', [JSON.parse(exampleText('recording'))]],
    ['issue.created', 'issue.created', 'issue.recordings', [{ attachments: null }]],
    ['issue.created', 'issue.created', 'issue.recordings', [{ environment: JSON.parse(exampleText('environment')) }]],
    ['issue.regressed', 'issue.regressed', 'issue.closed_by', { name: 'John Smith' }],
    ['issue.updated', 'issue.updated', 'changes', {}],
    ['issue.updated', 'issue.updated', 'changes', { state: { to: 'closed' }, labels: { from: ['a'], to: null } }],
    ['app.created', 'app.created', 'app.timezone', 13.75],
    ['app.created', 'app.created', 'app', { key: 'WEB', type: 'web', subtype: 'angular' }],
    ['feedback.message.in', 'feedback.message.in', 'message.device_id', 'D11B5769'],
    ['build.deleted', 'build.deleted', 'build.deleted_by', { name: 'John Smith', email: 'john.smith@example.com' }],
    ['build.deleted', 'build.deleted', 'deleted_by', undefined],
    ['build.created', 'build.created.analysed', 'build.previous', undefined],
    ['build.created', 'build.created.analysed', 'build.current.size_diff_summary.default_variant', null],
    ['build.created', 'build.created.analysed', 'build.current.size_summary.analysis_mode', 'aab_universal_via_bundletool'],
    ['build.created', 'build.created.registered', 'build.current.size_analysis_status', 'failed'],
    ['build.created', 'build.created.registered', 'build.current.vcs', undefined],
  ];
  for (const [type, example, path, value] of valid) {
    const { row } = takeWebhook(webhookText(type, changed(example, path, value)));
    assert.equal(row['reason'], '', `${type} with ${path} = ${JSON.stringify(value)}`);
  }
});

test('a build that was only registered has no sizes and none before it', () => {
  const previous = { uuid: 'u', size_analysis_status: 'unavailable' };
  const { row } = takeWebhook(webhookText('build.created', changed('build.created.registered', 'build.previous', previous)));
  assert.equal(row['reason'], 'payload.build.previous must be absent (false schema)');
});

test('a webhook is held against the branch of its type and no other', () => {
  const seen: string[] = [];
  const { oneOf } = WEBHOOK_SCHEMA;
  assert.ok(Array.isArray(oneOf));
  const branches = oneOf.map((branch, index) => ({ ...branch, $comment: WEBHOOK_TYPES[index] }));
  const ajv = new Ajv({ strict: true, allowUnionTypes: true, discriminator: true, $comment: (comment) => seen.push(comment) });
  const validate = ajv.compile({ ...WEBHOOK_SCHEMA, oneOf: branches });
  for (const { type, body } of exampleWebhooks()) {
    assert.ok(validate(JSON.parse(body)));
    assert.deepEqual(seen.splice(0), [type]);
  }
});

/** Values that are meant to break whoever reads them: stored as what they are, or refused, and never a harm to their neighbours. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as zlib from 'node:zlib';
import { pack } from 'msgpackr';
import { DaemonHome } from '../support/daemon.ts';
import { until } from '../support/until.ts';

const REPORT = '/api/deploy/report';
const BODY_BYTES_MAX = 1_000_000;
const EVENT = { event_type: 'rollback', release_id: 'r' };
const ATTACK = "x\n\nDROP TABLE penstock.deploy_events;\n\n'); DROP TABLE deploy_events; -- \\ \u0000 {database}";

/** The text of `metadata`; what of it must be readable as JSON in ClickHouse, or undefined for what is kept as it came. */
const METADATA: readonly (readonly [name: string, text: string, read: string | undefined])[] = [
  ['a plain object', '{"a":1}', '{"a":1}'],
  ['a number beyond 64 bits', '{"a":18446744073709551616}', undefined],
  ['a number beyond every float', '{"a":1e400}', undefined],
  ['a lone surrogate', '{"a":"\\ud800"}', undefined],
  ['paths that collide by dots', '{"a.b":1,"a":{"b":2}}', undefined],
  ['paths that collide by escapes', '{"a":1,"\\u0061":2}', undefined],
  ['a key twice', '{"a":1,"a":2}', undefined],
  [
    'names that mean something to JavaScript',
    '{"__proto__":{"polluted":1},"constructor":2}',
    '{"__proto__":{"polluted":1},"constructor":2}',
  ],
  ['a thousand levels', `{"a":${'['.repeat(1000)}${']'.repeat(1000)}}`, undefined],
  ['keys that are integers, 50,000 of them', `{${Array.from({ length: 50_000 }, (_, key) => `"${key}":0`).join()}}`, undefined],
  ['what looks like SQL', JSON.stringify({ attack: ATTACK }), JSON.stringify({ attack: ATTACK })],
  ['what is cut off', '{"a":', undefined],
  ['nothing', '', undefined],
];

const FIELDS = ['release_id', 'app_version', 'bundle_label', 'platform', 'os_version', 'device_model'] as const;

test('hostile values', async (context) => {
  const home = await DaemonHome.create(context, {
    PENSTOCK_SPOOL__SEAL_AGE_MS_MAX: '100',
    PENSTOCK_HTTP__BODY_BYTES_MAX: String(BODY_BYTES_MAX),
    PENSTOCK_HTTP__EVENT_BYTES_MAX: '900000',
  });
  const key = await home.createKey('deploy');
  const daemon = await home.start();
  const post = async (body: string | Uint8Array, headers: Record<string, string> = {}): Promise<string> => {
    const answer = await daemon.post(REPORT, body, { 'x-api-key': key, ...headers });
    const value: { error?: string; accepted?: number; rejected?: number } = JSON.parse(await answer.text());
    return `${answer.status} ${value.error ?? `${value.accepted}+${value.rejected}`}`;
  };

  await context.test('metadata of every kind, among others in one batch and as MessagePack, is accepted and kept', async () => {
    const events = METADATA.map(([name, metadata]) => ({ ...EVENT, distinct_id: name, metadata }));
    assert.equal(await post(JSON.stringify({ events })), `202 ${events.length}+0`);
    assert.equal(await post(pack({ events }), { 'Content-Type': 'application/msgpack' }), `202 ${events.length}+0`);
    await until('all is delivered', 10_000, async () => (await daemon.count('deploy_events')) === 2 * events.length);
    const rows = await daemon.query<{ distinct_id: string; metadata: string; metadata_raw: string }>(
      'SELECT distinct_id, toString(metadata) AS metadata, metadata_raw FROM deploy_events',
    );
    for (const [name, text, read] of METADATA) {
      const found = rows.filter((row) => row.distinct_id === name);
      assert.equal(found.length, 2, name);
      for (const { metadata, metadata_raw } of found) {
        if (read === undefined) assert.deepEqual([metadata, metadata_raw], ['{}', text], name);
        else assert.deepEqual([JSON.parse(metadata), metadata_raw], [JSON.parse(read), ''], name);
      }
    }
  });

  await context.test('what looks like SQL and NULs are stored as text in every field', async () => {
    const fields = Object.fromEntries(FIELDS.map((field) => [field, `${field}: ${ATTACK}`]));
    assert.equal(await post(JSON.stringify({ events: [{ event_type: 'rollback', distinct_id: ATTACK, ...fields }] })), '202 1+0');
    const where = `FROM deploy_events WHERE startsWith(release_id, 'release_id')`;
    await until('it is delivered', 10_000, async () => (await daemon.query(`SELECT 1 ${where}`)).length === 1);
    const [row] = await daemon.query(`SELECT distinct_id, ${FIELDS.join(', ')} ${where}`);
    assert.deepEqual(row, { distinct_id: ATTACK, ...fields });
  });

  await context.test('names that mean something to JavaScript are plain data in an event', async () => {
    const event = `{"__proto__":{"platform":"p"},"constructor":{"prototype":{"x":1}},"event_type":"rollback","release_id":"r","distinct_id":"d"}`;
    assert.equal(await post(`{"events":[${event}]}`), '202 1+0');
    assert.equal(await post(`{"__proto__":{"events":[${event}]}}`), '400 no_events');
    assert.equal(await post(`{"events":[{"__proto__":${event}}]}`), '202 0+1');
  });

  await context.test('bombs are refused while they unfold, in every coding and medium', async () => {
    const spaces = Buffer.alloc(20 * BODY_BYTES_MAX, 0x20);
    const bombs: [string, Uint8Array][] = [
      ['gzip', zlib.gzipSync(spaces)],
      ['deflate', zlib.deflateSync(spaces)],
      ['br', zlib.brotliCompressSync(spaces, { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 1 } })],
    ];
    for (const [coding, bomb] of bombs) {
      for (const media of ['application/json', 'application/x-ndjson', 'application/msgpack']) {
        const headers = { 'Content-Encoding': coding, 'Content-Type': media };
        assert.equal(await post(bomb, headers), '413 inflated_too_large', `${coding} ${media}`);
        assert.equal(await post(bomb.subarray(0, bomb.length >> 1), headers), '413 inflated_too_large', `half a ${coding}`);
      }
    }
    const body = zlib.gzipSync('{"events":[]}');
    for (const cut of [1, 5, body.length - 1])
      assert.equal(await post(body.subarray(0, cut), { 'Content-Encoding': 'gzip' }), '400 encoding_corrupt');
    assert.equal(await post(Buffer.concat([body, Buffer.from('more')]), { 'Content-Encoding': 'gzip' }), '400 encoding_corrupt');
  });

  await context.test('depth, lengths that lie and bytes that are no text are refused before they cost anything', async () => {
    assert.equal(await post('['.repeat(900_000)), '400 nesting_too_deep');
    assert.equal(await post('{"a":'.repeat(150_000)), '400 nesting_too_deep');
    assert.equal(await post(Buffer.alloc(900_000, 0x91), { 'Content-Type': 'application/msgpack' }), '400 nesting_too_deep');
    const lies = [
      [0xdd, 0xff, 0xff, 0xff, 0xff],
      [0xdf, 0xff, 0xff, 0xff, 0xff],
      [0xc6, 0xff, 0xff, 0xff, 0xff],
    ];
    for (const bytes of lies) assert.match(await post(Buffer.from(bytes), { 'Content-Type': 'application/msgpack' }), /^400 /);
    for (const bytes of [[0xff], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xf5, 0x80, 0x80, 0x80]]) {
      const body = Buffer.concat([Buffer.from('{"events":[{"a":"'), Buffer.from(bytes), Buffer.from('"}]}')]);
      assert.equal(await post(body), '400 not_json', bytes.join());
    }
    assert.equal(await post('\u0000'.repeat(1000), { 'Content-Type': 'application/x-ndjson' }), '202 0+1');
  });

  await context.test('and the daemon is as it was', async () => {
    assert.equal(await post(JSON.stringify({ events: [{ ...EVENT, distinct_id: 'last' }] })), '202 1+0');
    assert.equal(daemon.stderr, '');
  });
});

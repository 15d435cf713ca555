import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as zlib from 'node:zlib';
import { pack } from 'msgpackr';
import type { BodyFormat } from '../../../../src/contract/format.ts';
import { WHOLE_BODY_BYTES_MAX } from '../../../../src/contract/upload.ts';
import { DEPLOY_EVENTS } from '../../../../src/sources/deploy_report/table.ts';
import { blockRows } from '../../../support/block_rows.ts';
import { createProcessor, createSlab, type Outcome, outcomes, type SlabOptions } from '../../../support/slabs.ts';

const EVENT = { event_type: 'rollback', release_id: 'rel_1', distinct_id: 'd' };
const BATCH = { events: [EVENT, { ...EVENT, distinct_id: 'é' }, 7] };
const JSON_BYTES = Buffer.from(JSON.stringify(BATCH));
const processor = createProcessor();

interface Sent {
  readonly bytes: Uint8Array;
  readonly format: BodyFormat;
}

function process(sent: readonly Sent[], options: SlabOptions = {}): { outcomes: Outcome[]; devices: unknown[]; rejected: object } {
  const slab = createSlab(
    sent.map(({ bytes }) => bytes),
    { format_of: (index) => sent[index].format, ...options },
  );
  const result = processor.process(slab);
  return {
    outcomes: outcomes(slab, result),
    devices: blockRows(DEPLOY_EVENTS, result).map((row) => row['distinct_id']),
    rejected: result.rejected,
  };
}

test('a body in any coding is the body, next to others in one slab', () => {
  const sent: Sent[] = [
    { bytes: JSON_BYTES, format: { media: 'json', coding: 'identity' } },
    { bytes: zlib.gzipSync(JSON_BYTES), format: { media: 'json', coding: 'gzip' } },
    { bytes: zlib.deflateSync(JSON_BYTES), format: { media: 'json', coding: 'deflate' } },
    { bytes: zlib.deflateRawSync(JSON_BYTES), format: { media: 'json', coding: 'deflate' } },
    { bytes: zlib.brotliCompressSync(JSON_BYTES), format: { media: 'json', coding: 'br' } },
    { bytes: zlib.gzipSync(pack(BATCH)), format: { media: 'msgpack', coding: 'gzip' } },
  ];
  const { outcomes: all, devices } = process(sent);
  assert.deepEqual(
    all,
    sent.map(() => ({ accepted: 2, rejected: 1 })),
  );
  assert.deepEqual(
    devices,
    sent.flatMap(() => ['d', 'é']),
  );
});

test('an event has one identity in JSON, in lines and in any coding', () => {
  const lines = Buffer.from(BATCH.events.map((event) => JSON.stringify(event)).join('\n'));
  const sent: Sent[] = [
    { bytes: JSON_BYTES, format: { media: 'json', coding: 'identity' } },
    { bytes: lines, format: { media: 'ndjson', coding: 'identity' } },
    { bytes: zlib.gzipSync(lines), format: { media: 'ndjson', coding: 'gzip' } },
    { bytes: pack(BATCH), format: { media: 'msgpack', coding: 'identity' } },
  ];
  const slab = createSlab(
    sent.map(({ bytes }) => bytes),
    { format_of: (index) => sent[index].format },
  );
  const ids = blockRows(DEPLOY_EVENTS, processor.process(slab)).map((row) => row['event_id']);
  assert.equal(ids.length, 8);
  assert.equal(new Set(ids).size, 2);
});

test('of lines, one that is not JSON is one rejection, a blank one nothing, and none can close the batch', () => {
  const lines = [
    '',
    JSON.stringify(EVENT),
    '  \r',
    '{"broken"',
    '1],"x":[2',
    `${JSON.stringify(EVENT)},${JSON.stringify(EVENT)}`,
    '[]',
    '',
  ];
  const text = lines.join('\n');
  const { outcomes: all, rejected } = process([{ bytes: Buffer.from(text), format: { media: 'ndjson', coding: 'identity' } }]);
  assert.deepEqual(all, [{ accepted: 1, rejected: 4 }]);
  assert.deepEqual(rejected, { not_an_object: 1, not_json: 3 });
  const nothing = process([{ bytes: Buffer.from('\n\r\n'), format: { media: 'ndjson', coding: 'identity' } }]);
  assert.deepEqual(nothing.outcomes, [{ accepted: 0, rejected: 0 }]);
});

test('a line that is too long, or nests too deep, is rejected alone', () => {
  const deep = `${'['.repeat(5000)}${']'.repeat(5000)}`;
  const text = [JSON.stringify(EVENT), deep, JSON.stringify({ ...EVENT, x: 'x'.repeat(20_000) })].join('\n');
  const format: BodyFormat = { media: 'ndjson', coding: 'identity' };
  const { outcomes: all, rejected } = process([{ bytes: Buffer.from(text), format }], { event_bytes_max: 15_000 });
  assert.deepEqual(all, [{ accepted: 1, rejected: 2 }]);
  assert.deepEqual(rejected, { not_json: 1, event_too_large: 1 });
});

test('a line with too many keys for a parser fails its request and leaves no row, one that is not JSON either is rejected alone', () => {
  const many_keys = `{${Array.from({ length: 1001 }, (_, index) => `"${index}":0`).join()}}`;
  const format: BodyFormat = { media: 'ndjson', coding: 'identity' };
  const body = (line: string): Sent => ({ bytes: Buffer.from([JSON.stringify(EVENT), line, JSON.stringify(EVENT)].join('\n')), format });
  const { outcomes: all, devices } = process([body('7'), body(many_keys), body(many_keys.slice(0, -1))]);
  assert.deepEqual(all, [{ accepted: 2, rejected: 1 }, { failed: 'too_many_keys' }, { accepted: 2, rejected: 1 }]);
  assert.equal(devices.length, 4);
});

test('a body that unfolds beyond the limit is refused while it unfolds, and so is what is corrupt or cut short', () => {
  const gzip: BodyFormat = { media: 'json', coding: 'gzip' };
  const bomb = zlib.gzipSync(Buffer.alloc(50_000_000, 0x20));
  const good = zlib.gzipSync(JSON_BYTES);
  const { outcomes: all } = process(
    [
      { bytes: bomb, format: gzip },
      { bytes: good.subarray(0, -3), format: gzip },
      { bytes: JSON_BYTES, format: gzip },
      { bytes: JSON_BYTES, format: { media: 'json', coding: 'br' } },
      { bytes: new Uint8Array(0), format: gzip },
      { bytes: JSON_BYTES, format: { media: 'msgpack', coding: 'identity' } },
      { bytes: Buffer.alloc(2000, 0x91), format: { media: 'msgpack', coding: 'identity' } },
      { bytes: good, format: gzip },
    ],
    { body_bytes_max: 1_000_000 },
  );
  assert.deepEqual(all, [
    { failed: 'inflated_too_large' },
    { failed: 'encoding_corrupt' },
    { failed: 'encoding_corrupt' },
    { failed: 'encoding_corrupt' },
    { failed: 'encoding_corrupt' },
    { failed: 'not_message_pack' },
    { failed: 'nesting_too_deep' },
    { accepted: 2, rejected: 1 },
  ]);
});

/** Nothing where this Node has no zstd. */
function zstd(bytes: Buffer): [BodyFormat['coding'], Buffer][] {
  const compress: unknown = Reflect.get(zlib, 'zstdCompressSync');
  if (typeof compress !== 'function') return [];
  const packed: Buffer = compress(bytes);
  return [['zstd', packed]];
}

test('what stands behind the end of a compressed body is not passed over in silence; members of gzip are one body', () => {
  const lines = Buffer.from(`${JSON.stringify(EVENT)}\n`);
  const body = (coding: BodyFormat['coding'], parts: readonly Uint8Array[]): Sent => ({
    bytes: Buffer.concat(parts),
    format: { media: 'ndjson', coding },
  });
  const codings: [BodyFormat['coding'], Buffer][] = [
    ['deflate', zlib.deflateSync(lines)],
    ['deflate', zlib.deflateRawSync(lines)],
    ['br', zlib.brotliCompressSync(lines)],
    ...zstd(lines),
  ];
  for (const [coding, packed] of codings) {
    const { outcomes: all } = process([body(coding, [packed, packed]), body(coding, [packed, Buffer.from('x')]), body(coding, [packed])]);
    assert.deepEqual(all, [{ failed: 'encoding_corrupt' }, { failed: 'encoding_corrupt' }, { accepted: 1, rejected: 0 }], coding);
    const { outcomes: cut } = process([body(coding, [packed.subarray(0, -1)]), body(coding, [packed.subarray(0, 9)]), body(coding, [])]);
    assert.deepEqual(cut, Array(3).fill({ failed: 'encoding_corrupt' }), coding);
  }
  const packed = zlib.gzipSync(lines);
  const { outcomes: all } = process([body('gzip', [packed, packed]), body('gzip', [packed, Buffer.from('x')])]);
  assert.deepEqual(all, [{ accepted: 2, rejected: 0 }, { failed: 'encoding_corrupt' }]);
});

test('what the bodies of one slab may unfold to together is bounded; the rest is told to come again', () => {
  const body = zlib.gzipSync(Buffer.concat([JSON_BYTES, Buffer.alloc(4_000_000, 0x20)]));
  const sent = Array.from({ length: 20 }, (): Sent => ({ bytes: body, format: { media: 'json', coding: 'gzip' } }));
  const { outcomes: all } = process(sent);
  assert.deepEqual(all.slice(0, 17), Array(17).fill({ accepted: 2, rejected: 1 }));
  assert.deepEqual(all.slice(17), Array(3).fill({ failed: 'overloaded' }));
});

test('a body that unfolds to more than is read at once is left to whoever reads it in pieces', () => {
  const body = zlib.gzipSync(Buffer.concat([JSON_BYTES, Buffer.alloc(WHOLE_BODY_BYTES_MAX, 0x20)]));
  const slab = createSlab([JSON_BYTES, body], { format_of: (index) => ({ media: 'json', coding: index === 0 ? 'identity' : 'gzip' }) });
  const result = processor.process(slab);
  assert.deepEqual(result.unfold_too_far, [1]);
  assert.deepEqual(outcomes(slab, result)[0], { accepted: 2, rejected: 1 });
});

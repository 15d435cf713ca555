import assert from 'node:assert/strict';
import { test } from 'node:test';
import { recordSeed, writeRecordHeader } from '../../../../src/pipeline/spool/record.ts';
import { SEGMENT_HEADER_BYTES } from '../../../../src/pipeline/spool/segment_header.ts';
import { MemoryFs } from '../../../support/memory_fs.ts';
import { blockOf, DATA_DIR, Held, rowOf } from './fixtures.ts';

const LABELS = ['one', 'two', 'three'];

interface OpenSegment {
  readonly held: Held;
  readonly path: string;
  readonly content: Buffer;
  /** Where the records begin, and the end. */
  readonly offsets: readonly number[];
}

/** An open segment with a record per label, as a dead process leaves it. */
async function openSegment(labels: readonly string[] = LABELS): Promise<OpenSegment> {
  const fs = new MemoryFs();
  const held = await new Held(fs).start();
  const offsets = [SEGMENT_HEADER_BYTES];
  const path = `${DATA_DIR}/spool/000000000001-events-202611-00000000-0000-4000-8000-000000000001.open`;
  for (const label of labels) {
    await held.spool.append(blockOf([rowOf(label)]));
    offsets.push(fs.contentOf(path).length);
  }
  return { held, path, offsets, content: fs.contentOf(path) };
}

async function namesFrom(segment: OpenSegment, content: Uint8Array): Promise<{ names: string[]; after: Held }> {
  const fs = new MemoryFs();
  fs.plant(segment.path, content);
  const after = await segment.held.reopen(fs);
  const names = await after.sealedNames();
  await after.spool.close();
  return { names, after };
}

test('an open segment torn at any byte keeps the records before, and nothing is called damaged', async () => {
  const segment = await openSegment();
  const { offsets, content } = segment;
  for (let size = SEGMENT_HEADER_BYTES; size < content.length; size++) {
    const { names, after } = await namesFrom(segment, content.subarray(0, size));
    const whole = offsets.filter((offset) => offset <= size).length - 1;
    assert.deepEqual(names, LABELS.slice(0, whole), `torn at ${size}`);
    assert.equal(after.spool.stats().quarantined, 0, `torn at ${size}`);
  }
});

test('an open segment torn within its header held nothing, and is cleared away', async () => {
  const segment = await openSegment();
  for (let size = 0; size < SEGMENT_HEADER_BYTES; size += 97) {
    const { names, after } = await namesFrom(segment, segment.content.subarray(0, size));
    assert.deepEqual(names, []);
    assert.deepEqual(after.fs.paths(), []);
  }
});

test('a bit flipped anywhere in a record costs that record, which is set aside, and no other', async () => {
  const segment = await openSegment();
  const { offsets, content } = segment;
  for (let record = 0; record < LABELS.length; record++) {
    const expected = LABELS.filter((_, index) => index !== record);
    for (let offset = offsets[record] ?? 0; offset < (offsets[record + 1] ?? 0); offset++) {
      const damaged = Buffer.from(content);
      damaged[offset] ^= 1 << (offset % 8);
      const { names, after } = await namesFrom(segment, damaged);
      assert.deepEqual(names, expected, `record ${record}, byte ${offset}`);
      assert.deepEqual(after.incidents.names, ['record_quarantined'], `record ${record}, byte ${offset}`);
      const [kept] = after.fs.paths().filter((path) => path.startsWith(`${DATA_DIR}/quarantine/`));
      assert.deepEqual(after.fs.contentOf(kept), damaged.subarray(offsets[record], offsets[record + 1]));
    }
  }
});

test('a bit flipped in the header of an open segment costs nothing: it stands there twice', async () => {
  const segment = await openSegment();
  for (const offset of [0, 9, 13, 17, 40, 8192, 8200, 8230]) {
    const damaged = Buffer.from(segment.content);
    damaged[offset] ^= 4;
    assert.deepEqual((await namesFrom(segment, damaged)).names, LABELS, `byte ${offset}`);
  }
});

test('an open segment without any sound header is set aside whole', async () => {
  const segment = await openSegment();
  const damaged = Buffer.from(segment.content);
  damaged[30] ^= 1;
  damaged[8192 + 30] ^= 1;
  const { names, after } = await namesFrom(segment, damaged);
  assert.deepEqual(names, []);
  assert.deepEqual(after.incidents.names, ['segment_quarantined']);
  assert.deepEqual(after.fs.paths(), [segment.path.replace('/spool/', '/quarantine/')]);
});

test('pages that a power failure left empty at the end are a torn tail', async () => {
  const segment = await openSegment();
  const { names, after } = await namesFrom(segment, Buffer.concat([segment.content, Buffer.alloc(5000)]));
  assert.deepEqual(names, LABELS);
  assert.deepEqual(after.incidents.names, ['tail_torn']);
});

test('bytes in an event that look like a record are not taken for one when the record around them is damaged', async () => {
  const inner = blockOf([rowOf('forged')]).bytes;
  const header = Buffer.alloc(8);
  writeRecordHeader(header, 0, inner, recordSeed('guessed'));
  const forged = Buffer.concat([header, inner]).toString('latin1');
  const segment = await openSegment(['one', forged, 'three']);
  const damaged = Buffer.from(segment.content);
  damaged[segment.offsets[1]] ^= 1;
  damaged[(segment.offsets[1] ?? 0) + 12] ^= 1;
  assert.deepEqual((await namesFrom(segment, damaged)).names, ['one', 'three']);
});

test('a record damaged while its segment was open is set aside when it is sealed', async () => {
  const fs = new MemoryFs();
  const held = await new Held(fs, { held_bytes_max: 0 }).start();
  for (const label of LABELS) await held.spool.append(blockOf([rowOf(label)]));
  const [path] = fs.paths().filter((name) => name.endsWith('.open'));
  const content = fs.contentOf(path);
  content[content.indexOf('two')] ^= 1;
  assert.deepEqual(await held.sealedNames(), ['one', 'three']);
  assert.equal(held.announced[0]?.rows, 2);
  assert.equal(held.spool.stats().quarantined, 1);
});

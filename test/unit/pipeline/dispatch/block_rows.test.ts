import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeBlockHeader } from '../../../../src/contract/block.ts';
import type { SlabResult } from '../../../../src/contract/slab.ts';
import type { Table } from '../../../../src/contract/table.ts';
import { takeRows } from '../../../../src/pipeline/dispatch/block_rows.ts';
import { SingleRows } from '../../../../src/pipeline/worker/single_rows.ts';
import { blockRows, type Row } from '../../../support/block_rows.ts';
import { seededRandom } from '../../../support/seeded_random.ts';

const TABLE: Table = {
  name: 'rows',
  columns: [
    { name: 'colour', kind: 'dictionary' },
    { name: 'event_id', kind: 'uuid' },
    { name: 'at', kind: 'datetime64' },
    { name: 'text', kind: 'string' },
    { name: 'body', kind: 'json' },
    { name: 'flag', kind: 'uint8' },
  ],
  migrations: [],
};
const SEED = 20_261_127;
const LENGTHS = [0, 1, 23, 24, 25, 127, 128, 300, 3_000];
const LETTERS = ['a', 'é', '€', '💥'];

function blockOf(rows: SingleRows): Buffer {
  const block = rows.finish();
  const bytes = Buffer.alloc(block.bytes);
  block.copyTo(bytes, 0);
  return bytes;
}

function rowsOf(bytes: Uint8Array): Row[] {
  const output = new SharedArrayBuffer(bytes.length);
  new Uint8Array(output).set(bytes);
  const blocks = [{ table: TABLE.name, offset: 0, bytes: bytes.length, rows: decodeBlockHeader(bytes).rows }];
  const result: SlabResult = { output, blocks, rejected: {}, singles: [], unfold_too_far: [] };
  return blockRows(TABLE, result);
}

/** Fills `rows` with so many rows, every third of them given up, and returns those that are to be there. */
function fill(rows: SingleRows, count: number, colours: number, random: ReturnType<typeof seededRandom>): Row[] {
  const expected: Row[] = [];
  rows.begin();
  for (let ordinal = 0; ordinal < count; ordinal++) {
    const letter = LETTERS[random.below(LETTERS.length)] ?? '';
    const row = {
      colour: `${letter}${random.below(colours)}`,
      event_id: `00000000-0000-0000-0000-${String(ordinal).padStart(12, '0')}`,
      at: random.below(2) === 0 ? -1 - ordinal : Date.UTC(2026, 10, 27) + ordinal,
      text: letter.repeat(LENGTHS[random.below(LENGTHS.length)] ?? 0),
      body: `{"a":"${letter}"}`,
      flag: random.below(256),
    };
    rows.text('colour').append(row.colour);
    rows.uuid('event_id').append(Uint32Array.of(0, 0, Number.parseInt(String(ordinal), 16), 0));
    rows.time('at').append(row.at);
    rows.text('text').append(row.text);
    rows.text('body').appendBytes(Buffer.from(row.body));
    rows.number('flag').append(row.flag);
    rows.end(1_000 + ordinal);
    if (ordinal % 3 === 2) rows.discard();
    else assert.equal(rows.keep(), expected.push(row) - 1);
  }
  return expected;
}

test(`any rows of a block are a block that has just these rows (seed=${SEED})`, () => {
  const random = seededRandom(SEED);
  const rows = new SingleRows(TABLE, 'source');
  for (const [count, colours] of [
    [1, 1],
    [40, 3],
    [900, 800],
    [40, 1],
  ] as const) {
    const expected = fill(rows, count, colours, random);
    const bytes = blockOf(rows);
    assert.deepEqual(rowsOf(bytes), expected);
    const positions = expected.map((_, position) => position).filter((position) => position === 0 || random.below(3) === 0);
    for (const taken of [positions, positions.toReversed(), [expected.length - 1]]) {
      const part = takeRows(bytes, TABLE.columns, taken);
      assert.deepEqual(
        rowsOf(part),
        taken.map((position) => expected[position]),
      );
      const { accounts, received_at_ms } = decodeBlockHeader(part);
      assert.deepEqual(accounts, { source: 'source', received: taken.length, accepted: taken.length, rejected: {} });
      assert.equal(received_at_ms, 1_000);
    }
  }
});

test('a lone surrogate in a dictionary is one entry with what it becomes', () => {
  const rows = new SingleRows({ ...TABLE, columns: [{ name: 'colour', kind: 'dictionary' }] }, 'source');
  rows.begin();
  for (const colour of ['\ud800', '\ufffd', '\udfff']) {
    rows.text('colour').append(colour);
    rows.end(0);
    rows.keep();
  }
  assert.equal(decodeBlockHeader(blockOf(rows)).columns[0]?.dictionary_entries, 1);
});

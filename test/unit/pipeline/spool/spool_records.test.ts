import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Table } from '../../../../src/contract/table.ts';
import { uuidBytes } from '../../../../src/pipeline/spool/native_heads.ts';
import { NodeSpoolRecords } from '../../../../src/pipeline/spool/spool_records.ts';
import { MemoryFs } from '../../../support/memory_fs.ts';
import { blockOf, countingRandom, DATA_DIR, Held, type Row, TABLE } from './fixtures.ts';

/** A column of each kind before the one that is looked for. */
const EVENTS: Table = {
  name: 'claimed',
  columns: [...TABLE.columns, { name: 'event_id', kind: 'uuid' }, { name: 'last', kind: 'string' }],
  migrations: [],
};

const identities = countingRandom(1000);

function eventRow(event_id: string, color = 'red'): Row {
  return {
    name: 'some name',
    color,
    time: '1',
    size: 'small',
    id: '00'.repeat(16),
    note: '{"a":1}',
    event_id: bytesOf(event_id),
    last: 'x',
  };
}

function bytesOf(event_id: string): string {
  return uuidBytes(event_id).toString('hex');
}

function heldWith(fs = new MemoryFs()): Promise<Held> {
  return new Held(fs, {}, undefined, countingRandom(), [EVENTS, TABLE]).start();
}

async function append(held: Held, event_ids: readonly string[]): Promise<void> {
  for (const event_id of event_ids) await held.spool.append(blockOf([eventRow(event_id)], EVENTS));
}

function newIds(count: number): string[] {
  return Array.from({ length: count }, () => identities.uuid());
}

/** Those of `event_ids` that the spool holds, in their order. */
async function held(fs: MemoryFs, event_ids: readonly string[]): Promise<string[]> {
  const found = await new NodeSpoolRecords(fs, DATA_DIR).holds(EVENTS.name, new Set(event_ids));
  return event_ids.filter((event_id) => found.has(event_id));
}

test('an event is held while it stands in an open segment, in a sealed one, and no longer once that is retired', async () => {
  const spool = await heldWith();
  const [open = '', sealed = '', absent = ''] = newIds(3);
  await append(spool, [sealed]);
  await spool.spool.sealAll();
  await append(spool, [open]);
  assert.deepEqual(await held(spool.fs, [open, sealed, absent]), [open, sealed]);
  const [segment] = spool.announced;
  assert.ok(segment);
  await spool.spool.retire(segment);
  assert.deepEqual(await held(spool.fs, [open, sealed, absent]), [open]);
});

test('what a dead process left is held, up to where it is torn or damaged', async () => {
  const spool = await heldWith();
  const ids = newIds(5);
  await append(spool, ids);
  const [path = ''] = spool.fs.paths().filter((name) => name.endsWith('.open'));
  const content = Buffer.from(spool.fs.contentOf(path));
  const left = new MemoryFs();
  left.plant(path, content.subarray(0, content.length - 3));
  assert.deepEqual(await held(left, ids), ids.slice(0, 4));
  const at = content.indexOf(Buffer.from(bytesOf(ids[1] ?? ''), 'hex'));
  content[at] = (content[at] ?? 0) ^ 1;
  left.plant(path, content);
  assert.deepEqual(await held(left, ids), [ids[0], ...ids.slice(2)]);
});

test('a sealed segment is read behind dictionaries of any width and columns of any size', async () => {
  const spool = await heldWith();
  const ids = newIds(70_000);
  for (let from = 0; from < ids.length; from += 10_000) {
    const rows = ids.slice(from, from + 10_000).map((event_id, index) => eventRow(event_id, `color ${from + index}`));
    await spool.spool.append(blockOf(rows, EVENTS));
  }
  await spool.spool.sealAll();
  assert.ok(spool.fs.paths().some((name) => name.endsWith('.sealed')));
  const few = await heldWith();
  const colors = newIds(600);
  await few.spool.append(
    blockOf(
      colors.map((event_id, index) => eventRow(event_id, `color ${index}`)),
      EVENTS,
    ),
  );
  await few.spool.sealAll();
  const wanted = [ids[0] ?? '', ...newIds(1), ids[35_000] ?? '', ids.at(-1) ?? ''];
  assert.deepEqual(await held(spool.fs, wanted), [wanted[0], wanted[2], wanted[3]]);
  assert.deepEqual(await held(few.fs, colors), colors);
});

test('a segment that is sealed while it is looked for is found in its other file', async () => {
  const spool = await heldWith();
  const ids = newIds(2);
  await append(spool, ids);
  const { fs } = spool;
  let is_sealing = false;
  fs.fault = (operation, path) => {
    if (operation !== 'open' || !path.endsWith('.open') || is_sealing) return undefined;
    is_sealing = true;
    return 'ENOENT';
  };
  const looking = held(fs, ids);
  assert.deepEqual(await looking, ids);
  assert.equal(is_sealing, true);
});

test('segments of other tables say nothing', async () => {
  const spool = await heldWith();
  const [event_id = ''] = newIds(1);
  const row: Row = { name: 'a', color: 'red', time: '1', size: 's', id: bytesOf(event_id), note: '{}' };
  await spool.spool.append(blockOf([row]));
  assert.deepEqual(await held(spool.fs, [event_id]), []);
});

test('the rows of segments that are not sealed are shown record by record, oldest segment first, and no others', async () => {
  const { fs, spool } = await heldWith();
  const [first, second, third, sealed] = newIds(4);
  await spool.append(blockOf([eventRow(sealed ?? '')], EVENTS));
  await spool.sealAll();
  const colors = Array.from({ length: 300 }, (_, index) => `color ${index}`);
  await spool.append(blockOf([eventRow(first ?? '', 'red'), eventRow(second ?? '', 'blue')], EVENTS));
  await spool.append(blockOf([eventRow(third ?? '', 'red')], TABLE));
  await spool.append(
    blockOf(
      colors.map((color) => eventRow(third ?? '', color)),
      EVENTS,
    ),
  );
  const shown: (readonly (readonly string[])[])[] = [];
  const records = new NodeSpoolRecords(fs, DATA_DIR);
  await records.eachUnsealed(EVENTS.name, ['color', 'last', 'name'], async (rows) => void shown.push(rows));
  const row_of_color = (color: string): readonly string[] => [color, 'x', 'some name'];
  assert.deepEqual(shown, [[row_of_color('red'), row_of_color('blue')], colors.map(row_of_color)]);
  await records.eachUnsealed(EVENTS.name, ['no such column'], () => assert.fail('a column that is not there was shown'));
});

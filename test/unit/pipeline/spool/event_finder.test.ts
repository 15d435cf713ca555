import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Table } from '../../../../src/contract/table.ts';
import { EventFinder } from '../../../../src/pipeline/spool/event_finder.ts';
import { uuidBytes } from '../../../../src/pipeline/spool/native_heads.ts';
import { MemoryFs } from '../../../support/memory_fs.ts';
import { blockOf, countingRandom, DATA_DIR, Held, type Row } from './fixtures.ts';

const EVENTS: Table = {
  name: 'traced',
  columns: [
    { name: 'name', kind: 'string' },
    { name: 'event_id', kind: 'uuid' },
  ],
  migrations: [],
};
const EVENT_ID = '2c8e1f1e-8a52-4d6e-9d0b-0f3c4b2a1d00';
const OTHER_ID = '11111111-2222-4333-8444-555555555555';

function row(event_id: string): Row {
  return { name: 'some name', event_id: uuidBytes(event_id).toString('hex') };
}

function heldWith(fs = new MemoryFs(), unfiled_segments_max = 0): Promise<Held> {
  return new Held(fs, { unfiled_segments_max }, undefined, countingRandom(), [EVENTS]).start();
}

test('an event is found in the open segment, in a sealed one, and as often as it is there', async () => {
  const held = await heldWith();
  const finder = new EventFinder(held.fs, DATA_DIR);
  await held.spool.append(blockOf([row(EVENT_ID), row(OTHER_ID), row(EVENT_ID)], EVENTS));
  const [open] = (await finder.find(EVENT_ID)).copies;
  assert.deepEqual([open?.place, open?.table, open?.copies, open?.sealed_at_ms, open?.is_sent], ['open', 'traced', 2, undefined, false]);
  await held.spool.sealAll();
  const [segment] = held.announced;
  assert.ok(segment);
  const { copies, unreadable } = await finder.find(EVENT_ID);
  const { id, received_at_ms, sealed_at_ms } = segment;
  assert.deepEqual(copies, [{ place: 'sealed', table: 'traced', segment: id, copies: 2, received_at_ms, sealed_at_ms, is_sent: false }]);
  assert.deepEqual(unreadable, []);
  await held.spool.takeToken(segment);
  assert.equal((await finder.find(EVENT_ID)).copies[0]?.is_sent, true);
  assert.deepEqual((await finder.find('99999999-2222-4333-8444-555555555555')).copies, []);
  await held.spool.retire(segment);
  assert.deepEqual((await finder.find(EVENT_ID)).copies, []);
});

test('an open segment that was sent from memory says so', async () => {
  const held = await heldWith(new MemoryFs(), 4);
  await held.spool.append(blockOf([row(EVENT_ID)], EVENTS));
  await held.spool.sealAll();
  const finder = new EventFinder(held.fs, DATA_DIR);
  assert.equal((await finder.find(EVENT_ID)).copies[0]?.is_sent, false);
  const [segment] = held.announced;
  assert.ok(segment);
  await held.spool.takeToken(segment);
  const [copy] = (await finder.find(EVENT_ID)).copies;
  assert.deepEqual([copy?.place, copy?.is_sent], ['open', true]);
});

test('a dead letter is found beside its description, and under replay/ once it is marked', async () => {
  const held = await heldWith();
  await held.spool.append(blockOf([row(EVENT_ID)], EVENTS));
  await held.spool.sealAll();
  const [segment] = held.announced;
  assert.ok(segment);
  await held.spool.deadLetter(segment, { code: '469', message: 'no' });
  const finder = new EventFinder(held.fs, DATA_DIR);
  assert.deepEqual(
    (await finder.find(EVENT_ID)).copies.map(({ place, segment: id }) => [place, id]),
    [['dead_letter', segment.id]],
  );
  const [path = ''] = held.fs.paths().filter((name) => name.endsWith('.sealed'));
  await held.fs.makeDirectory(`${DATA_DIR}/dead_letter/replay`);
  await held.fs.rename(path, path.replace('/dead_letter/', '/dead_letter/replay/'));
  assert.equal((await finder.find(EVENT_ID)).copies[0]?.place, 'replay');
});

test('a damaged file that cannot be looked through is named, and hides no other', async () => {
  const held = await heldWith();
  for (const id of [OTHER_ID, EVENT_ID]) {
    await held.spool.append(blockOf([row(id)], EVENTS));
    await held.spool.sealAll();
  }
  const [damaged = ''] = held.fs.paths().filter((name) => name.endsWith('.sealed'));
  held.fs.plant(damaged, Buffer.alloc(100));
  const { copies, unreadable } = await new EventFinder(held.fs, DATA_DIR).find(EVENT_ID);
  assert.equal(copies.length, 1);
  assert.deepEqual(unreadable, [damaged.slice(DATA_DIR.length + 1)]);
});

test('a segment that is only just being made has no events, and is not damaged', async () => {
  const fs = new MemoryFs();
  fs.plant(`${DATA_DIR}/spool/000000000001-traced-202611-${OTHER_ID}.open`, Buffer.alloc(10));
  assert.deepEqual(await new EventFinder(fs, DATA_DIR).find(EVENT_ID), { copies: [], unreadable: [] });
});

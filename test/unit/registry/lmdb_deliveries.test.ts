import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { IdTable, idWords, TABLE_IDS_MAX } from '../../../src/registry/id_table.ts';
import { LmdbClaims } from '../../../src/registry/lmdb/lmdb_claims.ts';
import { LmdbDeliveries } from '../../../src/registry/lmdb/lmdb_deliveries.ts';
import { HOUR_MS, NOW_MS } from '../../support/claim_requests.ts';

interface Opened {
  readonly claims: LmdbClaims;
  readonly deliveries: LmdbDeliveries;
}

async function openOn(directory: string, ids_in_memory_max: number, now_ms = NOW_MS): Promise<Opened> {
  const claims = new LmdbClaims(directory);
  await claims.open();
  const deliveries = new LmdbDeliveries(claims.serial, { kept_ms: HOUR_MS, ids_in_memory_max, seed: 1 });
  deliveries.open(claims.environment(), now_ms);
  return { claims, deliveries };
}

async function directoryOf(context: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'penstock-kept-'));
  context.after(() => rm(directory, { recursive: true }));
  return directory;
}

function uuids(count: number): string[] {
  return Array.from({ length: count }, () => randomUUID());
}

/** How many rows there are, of both kinds, and how many entries of ids that memory has no room for. */
function sizes({ claims }: Opened): readonly [number, number] {
  const { root } = claims.environment();
  root.resetReadTxn();
  const [rows, spread_rows] = ['delivery_rows', 'delivery_rows_spread'].map((name) =>
    root.openDB({ name, encoding: 'binary' }).getKeysCount(),
  );
  const spread = root.openDB({ name: 'deliveries', encoding: 'binary', keyEncoding: 'binary' });
  return [rows + spread_rows, spread.getKeysCount()];
}

test('deliveries that are kept are known at once and after a start, until they expire, and then their rows go', async (context) => {
  const directory = await directoryOf(context);
  const [first, second, other] = [uuids(300), uuids(5), uuids(50)];
  const before = await openOn(directory, 1000);
  await before.deliveries.keep(first, NOW_MS);
  await before.deliveries.keep(second, NOW_MS + 1000);
  const known = [...first, ...second];
  const has = ({ deliveries }: Opened, ids: readonly string[]): number => ids.filter((id) => deliveries.has(id)).length;
  assert.deepEqual([has(before, known), has(before, other)], [known.length, 0]);
  await before.claims.close();
  const after = await openOn(directory, 1000);
  assert.deepEqual([has(after, known), has(after, other), ...sizes(after)], [known.length, 0, 2, 0]);
  await after.deliveries.keep(other, NOW_MS + HOUR_MS);
  assert.deepEqual(sizes(after), [2, 0]);
  await after.claims.close();
  const late = await openOn(directory, 1000, NOW_MS + HOUR_MS);
  assert.deepEqual([has(late, first), has(late, second), has(late, other)], [0, second.length, other.length]);
  await late.claims.close();
});

test('more deliveries than memory has room for are known all the same, after a start too, and leave nothing behind', async (context) => {
  const directory = await directoryOf(context);
  const before = await openOn(directory, 64);
  const batches = Array.from({ length: 60 }, () => uuids(8));
  for (const [index, ids] of batches.entries()) await before.deliveries.keep(ids, NOW_MS + index);
  const [rows, spread] = sizes(before);
  assert.equal(rows, batches.length);
  assert.ok(spread >= 480 - 64 - 16 && spread < 480, `${spread} of 480 ids stand on the disk alone`);
  assert.ok(batches.flat().every((id) => before.deliveries.has(id)));
  assert.ok(!uuids(100).some((id) => before.deliveries.has(id)));
  await before.claims.close();
  const after = await openOn(directory, 64);
  assert.ok(batches.flat().every((id) => after.deliveries.has(id)));
  const last = uuids(1);
  for (let commit = 0; commit < 10; commit++) await after.deliveries.keep(uuids(1), NOW_MS + 2 * HOUR_MS);
  await after.deliveries.keep(last, NOW_MS + 2 * HOUR_MS);
  assert.deepEqual(sizes(after), [11, 0]);
  assert.ok(after.deliveries.has(last[0]) && !batches.flat().some((id) => after.deliveries.has(id)));
  await after.claims.close();
});

test('a table of ids has what was added and nothing else, the nil UUID and a full table included', () => {
  const table = new IdTable(7);
  const nil = '00000000-0000-0000-0000-000000000000';
  const words = (text: string): Int32Array => idWords(text, new Int32Array(4));
  assert.deepEqual([...words('01234567-89AB-cdef-fedc-ba9876543210')], [0x01234567, 0x89abcdef | 0, 0xfedcba98 | 0, 0x76543210]);
  assert.ok(!table.has(words(nil)));
  table.add(words(nil));
  // Alike in all but one word, as what is made to meet in one slot may be.
  const id = (index: number): Int32Array => Int32Array.of(1, 2, 3, index);
  for (let index = 0; index < TABLE_IDS_MAX - 1; index++) table.add(id(index));
  assert.equal(table.count, TABLE_IDS_MAX);
  assert.ok(table.has(words(nil)) && table.has(id(0)) && table.has(id(TABLE_IDS_MAX - 2)));
  assert.ok(!table.has(id(TABLE_IDS_MAX)) && !table.has(Int32Array.of(2, 2, 3, 0)));
});

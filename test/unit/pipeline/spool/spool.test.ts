import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OperatingError } from '../../../../src/contract/errors.ts';
import { Spool } from '../../../../src/pipeline/spool/spool.ts';
import { ManualClock } from '../../../support/manual_clock.ts';
import { MemoryFs } from '../../../support/memory_fs.ts';
import { blockOf, countingRandom, DATA_DIR, Held, Incidents, MONTH, OPTIONS, OTHER_TABLE, rowOf, TABLE } from './fixtures.ts';

test('what was appended comes out as one Native block, row for row and in order', async () => {
  const held = await new Held().start();
  const rows = ['one', 'two', 'three'].map((label) => rowOf(label, label === 'two' ? 'blue' : 'red'));
  await held.spool.append(blockOf(rows.slice(0, 2)));
  await held.spool.append(blockOf(rows.slice(2)));
  await held.spool.sealAll();
  const [segment] = held.announced;
  const native = await held.nativeOf(segment);
  const id = '0040000000000000' + '0100000000000080';
  assert.deepEqual(
    native.rows,
    rows.map((row) => ({ ...row, ingest_segment: id })),
  );
  assert.deepEqual(native.types, {
    name: 'String',
    color: 'LowCardinality(String)',
    time: "DateTime64(3, 'UTC')",
    size: 'LowCardinality(String)',
    id: 'UUID',
    note: 'JSON(max_dynamic_paths=64)',
    ingest_segment: 'UUID',
  });
});

test('a sealed segment says what delivery and the ledger must know of it', async () => {
  const held = await new Held().start();
  await held.spool.append(blockOf([rowOf('one'), rowOf('two')]));
  await held.spool.append(blockOf([rowOf('three')]));
  await held.spool.sealAll();
  const [{ native_bytes, file_bytes, ...segment }] = held.announced;
  assert.ok(native_bytes < file_bytes);
  assert.equal(held.spool.stats().spool_bytes, file_bytes);
  assert.deepEqual(segment, {
    id: '00000000-0000-4000-8000-000000000001',
    table: 'events',
    month: MONTH,
    sequence: 1,
    columns: [...TABLE.columns.map(({ name }) => name), 'ingest_segment'],
    rows: 3,
    received_at_ms: 1_700_000_000_000,
    sealed_at_ms: 1_700_000_000_000,
    accounts: [{ source: 'test', received: 5, accepted: 3, rejected: { bad: 2 } }],
    tokens: 0,
  });
});

test('a segment is not sealed before whoever is asked agrees, and is tried again where he does not', async () => {
  const [clock, fs] = [new ManualClock(1_700_000_000_000), new MemoryFs()];
  const asked = new Set<string>();
  let is_away = true;
  const observer = new Incidents();
  const before_seal = async (table: string): Promise<void> => {
    asked.add(table);
    if (is_away) throw new OperatingError('registry_unavailable', { reason: 'it is away' });
  };
  const ports = { fs, clock, random: countingRandom(), observer, beforeSeal: before_seal };
  const spool = new Spool(ports, { ...OPTIONS, data_dir: DATA_DIR }, [TABLE]);
  await spool.start();
  await spool.append(blockOf([rowOf('one')]));
  await spool.sealAll();
  assert.deepEqual([[...asked], spool.stats().unsealed_segments, spool.stats().sealed_segments], [['events'], 1, 0]);
  is_away = false;
  await spool.sealAll();
  assert.deepEqual([spool.stats().unsealed_segments, spool.stats().sealed_segments], [0, 1]);
  await spool.close();
});

test('appends that come together share one write and one sync', async () => {
  const fs = new MemoryFs();
  const held = await new Held(fs).start();
  await held.spool.append(blockOf([rowOf('first')]));
  const operations: string[] = [];
  fs.fault = (operation) => {
    operations.push(operation);
    return undefined;
  };
  await Promise.all(['a', 'b', 'c'].map((label) => held.spool.append(blockOf([rowOf(label)]))));
  assert.deepEqual(operations, ['write', 'datasync']);
});

test('a group waits for company when the group before it had some', async () => {
  const held = await new Held(new MemoryFs(), { group_delay_ms_max: 2 }).start();
  await Promise.all([held.spool.append(blockOf([rowOf('a')])), held.spool.append(blockOf([rowOf('b')]))]);
  const first = held.spool.append(blockOf([rowOf('c')]));
  await new Promise((resolve) => setImmediate(resolve));
  const second = held.spool.append(blockOf([rowOf('d')]));
  assert.equal(held.incidents.groups, 1);
  held.clock.advance(2);
  await Promise.all([first, second]);
  await held.spool.sealAll();
  assert.equal(held.incidents.groups, 2);
});

test('a block that waited while the group before it was on its way does not wait for company again', async () => {
  const fs = new MemoryFs();
  const held = await new Held(fs, { group_delay_ms_max: 2 }).start();
  let late: Promise<void> | undefined;
  fs.fault = (operation) => {
    if (operation !== 'datasync' || late !== undefined) return undefined;
    late = held.spool.append(blockOf([rowOf('c')]));
    held.clock.advance(3);
    return undefined;
  };
  await Promise.all([held.spool.append(blockOf([rowOf('a')])), held.spool.append(blockOf([rowOf('b')]))]);
  await late;
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(held.incidents.groups, 2);
});

test('sealing syncs in steps, so that the sync of an acknowledgement waits for little', async () => {
  const fs = new MemoryFs();
  const held = await new Held(fs).start();
  const note = 'x'.repeat(1000);
  await held.spool.append(blockOf(Array.from({ length: 4000 }, (_, row) => ({ ...rowOf(`${row}`), note }))));
  let synced_bytes = 0;
  let largest_step_bytes = 0;
  fs.fault = (operation, path) => {
    if (operation !== 'datasync' || !path.endsWith('.partial')) return undefined;
    const sealed_bytes = fs.contentOf(path).length;
    largest_step_bytes = Math.max(largest_step_bytes, sealed_bytes - synced_bytes);
    synced_bytes = sealed_bytes;
    return undefined;
  };
  await held.spool.sealAll();
  assert.ok(synced_bytes > 4_000_000);
  assert.ok(largest_step_bytes <= 1_048_576, `${largest_step_bytes}`);
});

test('acknowledged from memory, nothing is synced until it is sealed, and a dead process loses nothing', async () => {
  const fs = new MemoryFs();
  const held = await new Held(fs, { ack: 'memory' }).start();
  const synced: string[] = [];
  fs.fault = (operation, path) => {
    if (operation === 'datasync') synced.push(path);
    return undefined;
  };
  await held.spool.append(blockOf([rowOf('one')]));
  assert.deepEqual(synced, []);
  assert.deepEqual(await (await held.reopen(fs.kill())).sealedNames(), ['one']);
});

test('each table and each month has segments of its own', async () => {
  const held = await new Held().start();
  await held.spool.append(blockOf([rowOf('one')]));
  await held.spool.append(blockOf([rowOf('two')], OTHER_TABLE));
  await held.spool.append(blockOf([rowOf('three')], TABLE, MONTH + 1));
  assert.equal(held.spool.stats().open_segments, 3);
  await held.spool.sealAll();
  const found = held.announced.map(({ table, month, rows }) => `${table} ${month} ${rows}`);
  assert.deepEqual(found.sort(), ['events 202611 1', 'events 202612 1', 'others 202611 1']);
});

test('a segment is sealed when it has its rows, and when it has its bytes', async () => {
  const by_rows = await new Held(new MemoryFs(), { seal_rows_max: 2 }).start();
  const by_bytes = await new Held(new MemoryFs(), { seal_bytes_max: 17_000 }).start();
  for (const held of [by_rows, by_bytes]) {
    await held.spool.append(blockOf([rowOf('one')]));
    assert.equal(held.spool.stats().open_segments, 1);
    await held.spool.append(blockOf([rowOf('two'), rowOf('x'.repeat(600))]));
    assert.equal(held.spool.stats().open_segments, 0);
  }
});

test('a segment is sealed at its age, but while a backlog waits it grows instead', async () => {
  const held = await new Held(new MemoryFs(), { seal_rows_max: 2, seal_age_ms_max: 1000 }).start();
  await held.spool.append(blockOf([rowOf('one')]));
  held.clock.advance(1000);
  await held.spool.sealAll();
  assert.equal(held.announced.length, 1);
  for (let count = 1; count < 32; count++) await held.spool.append(blockOf([rowOf('a'), rowOf('b')]));
  await held.spool.sealAll();
  await held.spool.append(blockOf([rowOf('late')]));
  held.clock.advance(1000);
  assert.equal(held.spool.stats().open_segments, 1);
  await held.spool.retire(held.announced[0]);
  held.clock.advance(1000);
  assert.equal(held.spool.stats().open_segments, 0);
  await held.spool.sealAll();
});

test('a segment that can be sealed only later holds up none that was opened after it', async () => {
  const fs = new MemoryFs();
  const held = await new Held(fs, { seal_rows_max: 1 }).start();
  fs.fault = (operation, path) => (operation === 'rename' && path.includes('000000000001-') ? 'EIO' : undefined);
  await held.spool.append(blockOf([rowOf('one')]));
  await held.spool.append(blockOf([rowOf('two')]));
  await held.spool.sealAll();
  fs.fault = () => undefined;
  assert.deepEqual(await held.sealedNames(), ['two', 'one']);
  assert.deepEqual(
    held.announced.map(({ sequence }) => sequence),
    [2, 1],
  );
});

test('more than may wait in memory is refused as overload', async () => {
  const block = blockOf([rowOf('one')]);
  const held = await new Held(new MemoryFs(), { queued_bytes_max: 2 * block.bytes.length }).start();
  const taken = [held.spool.append(block), held.spool.append(block)];
  await assert.rejects(held.spool.append(block), { code: 'overloaded' });
  await Promise.all(taken);
  await held.spool.append(block);
});

test('a full spool refuses, says so, and takes again when delivery has made room', async () => {
  const held = await new Held(new MemoryFs(), { bytes_max: 20_000 }).start();
  await held.spool.append(blockOf([rowOf('one')]));
  await held.spool.sealAll();
  await held.spool.append(blockOf([rowOf('two')], OTHER_TABLE)).catch(() => undefined);
  await assert.rejects(held.spool.append(blockOf([rowOf('x'.repeat(20_000))])), { code: 'spool_full' });
  held.spool.setSpace({ ...OPTIONS, bytes_max: 1 });
  assert.equal(held.spool.stats().problem?.code, 'spool_full');
  held.spool.setSpace({ ...OPTIONS, bytes_max: 100_000 });
  await held.spool.append(blockOf([rowOf('three')]));
});

test('after a restart the open segment is sealed, the sealed ones are announced in order, and sequences go on', async () => {
  const fs = new MemoryFs();
  const held = await new Held(fs).start();
  for (const label of ['one', 'two']) {
    await held.spool.append(blockOf([rowOf(label)]));
    await held.spool.sealAll();
  }
  await held.spool.append(blockOf([rowOf('three')]));
  const after = await held.reopen(fs.kill());
  assert.deepEqual(await after.sealedNames(), ['one', 'two', 'three']);
  await after.spool.append(blockOf([rowOf('four')]));
  await after.sealedNames();
  assert.deepEqual(
    after.announced.map(({ sequence }) => sequence),
    [1, 2, 3, 4],
  );
});

test('an open segment is sealed in the columns it was written with, whatever the program declares now', async () => {
  const fs = new MemoryFs();
  const held = await new Held(fs).start();
  await held.spool.append(blockOf([rowOf('one')], OTHER_TABLE));
  const after = await held.reopen(fs.kill(), [{ ...OTHER_TABLE, columns: TABLE.columns }]);
  await after.spool.sealAll();
  assert.deepEqual(after.announced[0]?.columns, ['name', 'ingest_segment']);
});

test('an empty block is a bug, and after close nothing is taken', async () => {
  const held = await new Held().start();
  assert.throws(() => held.spool.append({ ...blockOf([rowOf('one')]), rows: 0 }), /BUG/);
  await held.spool.close();
  await assert.rejects(held.spool.append(blockOf([rowOf('one')])), { code: 'shutting_down' });
});

test('files of others in the directory of the spool are reported and left alone', async () => {
  const fs = new MemoryFs();
  fs.plant(`${DATA_DIR}/spool/notes.txt`, Buffer.from('mine'));
  fs.plant(`${DATA_DIR}/spool/000000000001-events-202611-x.sealed.partial`, Buffer.from('rest'));
  const held = await new Held(fs).start();
  assert.deepEqual(fs.paths(), [`${DATA_DIR}/spool/notes.txt`]);
  assert.deepEqual(held.incidents.names, ['foreign_file']);
});

/** Blocks of every source, sealed by the real spool, sent to the real engine, and read back: each value is what it was. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { SYSTEM_CLOCK } from '../../src/base/system_clock.ts';
import type { SealedSegment } from '../../src/contract/segment.ts';
import type { Column, Table } from '../../src/contract/table.ts';
import { NodeFs } from '../../src/pipeline/spool/node_fs.ts';
import { Spool } from '../../src/pipeline/spool/spool.ts';
import { SOURCES } from '../../src/sources/list.ts';
import { blockRows, type Row } from '../support/block_rows.ts';
import { startEngine, type TestEngine } from '../support/engine.ts';
import { createProcessor, createSlab } from '../support/slabs.ts';

const MONTH = 202611;
const SETTINGS = 'input_format_try_infer_dates=0&input_format_try_infer_datetimes=0';
const OBSERVER = {
  synced: () => undefined,
  groupCommitted: () => undefined,
  sealed: () => undefined,
  deadLettered: () => undefined,
  replayed: () => undefined,
  incident: () => undefined,
};

async function startSpool(context: TestContext, tables: readonly Table[]): Promise<Spool> {
  const data_dir = await mkdtemp(join(tmpdir(), 'penstock-spool-'));
  const random = { fraction: Math.random, uuid: () => crypto.randomUUID() };
  const options = {
    data_dir,
    ack: 'disk',
    bytes_max: 2 ** 30,
    queued_bytes_max: 2 ** 28,
    held_bytes_max: 2 ** 28,
    group_delay_ms_max: 1,
    seal_rows_max: 10_000_000,
    seal_bytes_max: 2 ** 28,
    seal_age_ms_max: 3_600_000,
    unfiled_segments_max: 0,
    spare_records_min: Number.POSITIVE_INFINITY,
    free_bytes_min: 0,
    reserve_bytes: 0,
  } as const;
  const spool = new Spool({ fs: new NodeFs(), clock: SYSTEM_CLOCK, random, observer: OBSERVER }, options, tables);
  context.after(async () => {
    await spool.close();
    await rm(data_dir, { recursive: true, force: true });
  });
  await spool.start();
  return spool;
}

/** A column as text that says the same for a row of a block and for a row of ClickHouse. */
function selected({ name, kind }: Column): string {
  if (kind === 'datetime64') return `toUnixTimestamp64Milli(${name}) AS ${name}`;
  return kind === 'json' ? `'' AS ${name}` : name;
}

async function insert(engine: TestEngine, spool: Spool, segment: SealedSegment): Promise<void> {
  const block = await buffer(await spool.open(segment));
  await engine.insertNative(`penstock.${segment.table} (${segment.columns.join(', ')})`, block, SETTINGS);
}

async function readBack(engine: TestEngine, table: Table): Promise<Row[]> {
  const columns = table.columns.map(selected).join(', ');
  const text = await engine.run(
    `SELECT ${columns} FROM penstock.${table.name} ORDER BY toString(event_id) FORMAT JSONEachRow`,
    'output_format_json_quote_64bit_integers=0',
  );
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

function withoutJson(table: Table, rows: readonly Row[]): Row[] {
  const json = new Set(table.columns.filter(({ kind }) => kind === 'json').map(({ name }) => name));
  const emptied = rows.map((row) => Object.fromEntries(Object.entries(row).map(([name, value]) => [name, json.has(name) ? '' : value])));
  return emptied.sort((left, right) => (String(left['event_id']) < String(right['event_id']) ? -1 : 1));
}

for (const source of SOURCES) {
  test(`${source.name}: what its samples became is what ClickHouse reads`, async (context) => {
    const engine = await startEngine(context);
    const spool = await startSpool(context, source.tables);
    await engine.run('CREATE DATABASE penstock');
    for (const statement of source.tables.flatMap((table) => table.migrations))
      await engine.run(statement.replaceAll('{database}', 'penstock'));
    const sealed: SealedSegment[] = [];
    spool.onSealed((segment) => sealed.push(segment));

    const processor = createProcessor();
    const expected = new Map<Table, Row[]>(source.tables.map((table) => [table, []]));
    const bodies = source.samples.map(({ body }) => Buffer.from(body));
    const result = processor.process(createSlab(bodies, { source, route_of: (index) => source.samples[index].route ?? 0 }));
    for (const block of result.blocks) {
      for (const table of source.tables) expected.get(table)?.push(...blockRows(table, { ...result, blocks: [block] }));
      const { table, offset, bytes, rows } = block;
      await spool.append({ table, month: MONTH, rows, bytes: new Uint8Array(result.output.slice(offset, offset + bytes)) });
    }
    await spool.sealAll();
    for (const segment of sealed) await insert(engine, spool, segment);
    for (const [table, rows] of expected) {
      assert.deepEqual(await readBack(engine, table), withoutJson(table, rows));
      assert.equal(await engine.run(`SELECT uniqExact(ingest_segment), uniqExact(_part) FROM penstock.${table.name}`), '1\t1\n');
    }
  });
}

test('metadata keeps its types: numbers, truth values, texts that look like dates, nesting', async (context) => {
  const source = SOURCES[0];
  const table = source.tables[0];
  assert.ok(table);
  const engine = await startEngine(context);
  const spool = await startSpool(context, source.tables);
  await engine.run('CREATE DATABASE penstock');
  for (const statement of table.migrations) await engine.run(statement.replaceAll('{database}', 'penstock'));
  const metadata = {
    n: 820,
    big: 9007199254740991,
    f: 1.5,
    yes: true,
    date: '2024-01-01',
    time: '2024-01-01 10:00:00',
    deep: { list: [1, 'a', null] },
    none: null,
  };
  const events = [{ event_type: 'rollback', release_id: 'r', distinct_id: 'd', metadata }];
  const result = createProcessor().process(createSlab([Buffer.from(JSON.stringify({ events }))], { source }));
  const [block] = result.blocks;
  assert.ok(block);
  const sealed = new Promise<SealedSegment>((resolve) => spool.onSealed(resolve));
  await spool.append({
    table: block.table,
    month: MONTH,
    rows: 1,
    bytes: new Uint8Array(result.output.slice(block.offset, block.offset + block.bytes)),
  });
  await spool.sealAll();
  await insert(engine, spool, await sealed);
  const types = ['n', 'big', 'f', 'yes', 'date', 'time', 'deep.list'].map((path) => `dynamicType(metadata.${path})`).join(', ');
  assert.equal(
    await engine.run(`SELECT ${types} FROM penstock.deploy_events FORMAT TSV`),
    'Int64\tInt64\tFloat64\tBool\tString\tString\tArray(Dynamic)\n',
  );
});

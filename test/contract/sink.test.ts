/** The sink, the migrations, the DDL and Delivery's way out of a doubt against the real engine. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, test } from 'node:test';
import { SYSTEM_CLOCK } from '../../src/base/system_clock.ts';
import { writeVaruint } from '../../src/base/varint.ts';
import { type ClickHouseClient, createConnection, ServerAddress } from '../../src/clickhouse/connection.ts';
import { EmbeddedClickHouse } from '../../src/clickhouse/embedded/supervisor.ts';
import { ERROR_CLASSES } from '../../src/clickhouse/error_classes.ts';
import { migrate } from '../../src/clickhouse/migrations/migrate.ts';
import { ClickHouseSink } from '../../src/clickhouse/sink.ts';
import { runStatement } from '../../src/clickhouse/statement.ts';
import type { SealedSegment, SegmentStore } from '../../src/contract/segment.ts';
import { SinkFailure } from '../../src/contract/sink.ts';
import type { Column } from '../../src/contract/table.ts';
import { createTableStatement, quoteIdentifier } from '../../src/contract/table_ddl.ts';
import { Delivery } from '../../src/pipeline/delivery/delivery.ts';
import { DELIVERY_LIMITS } from '../../src/pipeline/delivery/limits.ts';

/** A name that nothing survives but quoting. */
const DATABASE = 'pen`stock';
/** What takes seconds on a busy machine. */
const FLUSH_MS_MAX = 60_000;
const RANDOM = { uuid: randomUUID, fraction: Math.random };
const COLUMNS: readonly Column[] = [
  { name: 'event_id', kind: 'uuid' },
  { name: 'timestamp', kind: 'datetime64' },
  { name: 'organization_id', kind: 'dictionary' },
  { name: 'release_id', kind: 'string' },
  { name: 'metadata', kind: 'json' },
];
const NAMES = [...COLUMNS.map((column) => column.name), 'ingest_segment'];
const TABLE = {
  name: 'events',
  migrations: [
    createTableStatement({ name: 'events', columns: COLUMNS }, { order_by: ['organization_id', 'timestamp'], partition_by: 'timestamp' }),
    'ALTER TABLE {database}.`events` ADD COLUMN IF NOT EXISTS `later` String',
  ],
};

let directory = '';
let engine: EmbeddedClickHouse;
let client: ClickHouseClient;
let sink: ClickHouseSink;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'penstock-sink-'));
  engine = new EmbeddedClickHouse({ data_directory: directory, port: 0, clock: SYSTEM_CLOCK, on_log: () => undefined });
  await engine.start();
  client = createConnection({ address: ServerAddress.parse(engine.url), connections_max: 8, request_timeout_ms: 60_000 });
  sink = new ClickHouseSink({ client, random: RANDOM }, DATABASE);
  await Promise.all([migrateAll(), migrateAll()]);
});

after(async () => {
  await client.close();
  await engine.stop(5_000);
  await rm(directory, { recursive: true, force: true });
});

function migrateAll(): ReturnType<typeof migrate> {
  return migrate({ client, clock: SYSTEM_CLOCK, random: RANDOM }, DATABASE, [TABLE]);
}

async function sql(query: string): Promise<string> {
  return (await runStatement(client, { query, query_id: `test-${randomUUID()}` })).text.trim();
}

function qualified(table: string): string {
  return `${quoteIdentifier(DATABASE)}.${quoteIdentifier(table)}`;
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  const length = Buffer.alloc(5);
  return Buffer.concat([length.subarray(0, writeVaruint(length, 0, bytes.length)), bytes]);
}

function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

function uuid(id: string): Buffer {
  const bytes = Buffer.from(id.replaceAll('-', ''), 'hex');
  return Buffer.concat([bytes.subarray(0, 8).reverse(), bytes.subarray(8).reverse()]);
}

/** `00000000-0000-0000-0000-000000000001` is the first. */
function numberedId(number: number): Buffer {
  return Buffer.concat([u64(0), u64(number)]);
}

/** One Native block of `rows` rows, as sealing writes it. */
function nativeBlock(segment: string, rows: number, row: { json?: string; time_ms?: (index: number) => number } = {}): Buffer {
  const time_ms = row.time_ms ?? ((): number => Date.UTC(2026, 10, 21, 1, 2, 3, 456));
  const releases = Array.from({ length: 50 }, (_, index) => text(`rel_${index}`));
  const [json, segment_id] = [text(row.json ?? '{"first_render_ms":412.5,"nested":{"a":1}}'), uuid(segment)];
  const each = (make: (index: number) => Buffer): Buffer => Buffer.concat(Array.from({ length: rows }, (_, index) => make(index)));
  const counts = Buffer.alloc(10);
  const counts_bytes = writeVaruint(counts, writeVaruint(counts, 0, NAMES.length), rows);
  return Buffer.concat([
    counts.subarray(0, counts_bytes),
    ...[text('event_id'), text('UUID'), each((index) => numberedId(index + 1))],
    ...[text('timestamp'), text("DateTime64(3, 'UTC')"), each((index) => u64(time_ms(index)))],
    ...[text('organization_id'), text('LowCardinality(String)'), u64(1), u64(0x600), u64(2), text('org_a'), text(''), u64(rows)],
    Buffer.from(Array.from({ length: rows }, (_, index) => index % 2)),
    ...[text('release_id'), text('String'), each((index) => releases[index % releases.length])],
    ...[text('metadata'), text('String'), each(() => json)],
    ...[text('ingest_segment'), text('UUID'), each(() => segment_id)],
  ]);
}

function insert(segment: string, block: Buffer, deduplication_token = segment): Promise<void> {
  const body = Readable.from([block], { objectMode: false });
  const query_id = `${segment}.${randomUUID()}`;
  return sink.insert({ table: 'events', columns: NAMES, query_id, deduplication_token, body, body_bytes: block.length });
}

async function failureOf(work: Promise<unknown>): Promise<SinkFailure> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof SinkFailure) return error;
  throw new assert.AssertionError({ message: `no SinkFailure but ${String(error)}` });
}

test('two daemons that migrate at once both succeed, and after that there is nothing to do', async () => {
  assert.deepEqual(await migrateAll(), [{ table: 'events', version_found: 2, version_reached: 2, ahead: false }]);
});

test('a block of every kind of column goes in as one part, whatever its size, and is counted', async () => {
  const segment = randomUUID();
  await insert(segment, nativeBlock(segment, 100_000));
  assert.equal(await sink.countRows('events', segment), 100_000);
  assert.equal(await sink.countRows('events', randomUUID()), 0);
  const where = `FROM ${qualified('events')} WHERE ingest_segment = '${segment}'`;
  assert.equal(await sql(`SELECT uniqExact(_part) ${where}`), '1');
  const columns =
    "event_id, timestamp, organization_id, release_id, accurateCastOrNull(metadata.first_render_ms, 'Float64'), metadata.nested.a";
  assert.equal(
    await sql(`SELECT ${columns} ${where} ORDER BY event_id LIMIT 1`),
    ['00000000-0000-0000-0000-000000000001', '2026-11-21 01:02:03.456', 'org_a', 'rel_0', '412.5', '1'].join('\t'),
  );
});

test('the same token adds nothing, another adds the rows again', async () => {
  const segment = randomUUID();
  const block = nativeBlock(segment, 100);
  await insert(segment, block);
  await insert(segment, block);
  assert.equal(await sink.countRows('events', segment), 100);
  await insert(segment, block, `${segment}/2`);
  assert.equal(await sink.countRows('events', segment), 200);
});

test('an INSERT under way is seen by its segment, and not once it has ended', async () => {
  const segment = randomUUID();
  const inserted = insert(segment, nativeBlock(segment, 300_000));
  let ended = false;
  const ending = inserted.finally(() => {
    ended = true;
  });
  let seen = false;
  while (!ended && !seen) seen = await sink.isRunning(segment);
  await ending;
  assert.equal(seen, true);
  assert.equal(await sink.isRunning(segment), false);
});

test('a block over two months is refused whole', async () => {
  const segment = randomUUID();
  const block = nativeBlock(segment, 10, { time_ms: (index) => Date.UTC(2026, index < 5 ? 9 : 10, 5) });
  const failure = await failureOf(insert(segment, block));
  assert.deepEqual([failure.action, failure.code], ['pause', '252']);
  assert.equal(await sink.countRows('events', segment), 0);
});

test('a value that the JSON column cannot take is told from a bad moment', async () => {
  const segment = randomUUID();
  const failure = await failureOf(insert(segment, nativeBlock(segment, 10, { json: '{"a":' })));
  assert.deepEqual([failure.action, failure.code], ['dead_letter', '117']);
  assert.equal(await sink.countRows('events', segment), 0);
});

test('the count of a segment skips what cannot hold it', async () => {
  await sql(`OPTIMIZE TABLE ${qualified('events')} FINAL`);
  // A Bloom filter of 0.01 takes one of a hundred for what it holds: not all of these.
  const plans = await Promise.all(
    Array.from({ length: 4 }, () =>
      sql(`EXPLAIN indexes = 1 SELECT count() FROM ${qualified('events')} WHERE ingest_segment = '${randomUUID()}'`),
    ),
  );
  for (const plan of plans) assert.match(plan, /Name: ingest_segment_index/);
  assert.ok(
    plans.some((plan) => /Name: ingest_segment_index[\s\S]*Granules: 0\/[1-9]/.test(plan)),
    plans[0],
  );
});

test('a token that the engine knows without its rows ends in a second token and every row once', async () => {
  const segment = randomUUID();
  const block = nativeBlock(segment, 1_000);
  // A part without rows is dropped when the engine next tidies up, and its token with it.
  await sql(`ALTER TABLE ${qualified('events')} MODIFY SETTING remove_empty_parts = 0`);
  await insert(segment, block);
  await sql(`ALTER TABLE ${qualified('events')} DELETE WHERE ingest_segment = '${segment}' SETTINGS mutations_sync = 1`);
  assert.equal(await deliverInDoubt(segment, block), 2);
  assert.equal(await sink.countRows('events', segment), 1_000);
  await sql(`ALTER TABLE ${qualified('events')} RESET SETTING remove_empty_parts`);
});

test('rows whose token the engine has forgotten are found by the count and not added again', async () => {
  await sql(`ALTER TABLE ${qualified('events')} MODIFY SETTING non_replicated_deduplication_window = 1`);
  const segment = randomUUID();
  const other = randomUUID();
  const block = nativeBlock(segment, 1_000);
  await insert(segment, block);
  await insert(other, nativeBlock(other, 10));
  assert.equal(await deliverInDoubt(segment, block), 1);
  assert.equal(await sink.countRows('events', segment), 1_000);
  await insert(segment, block);
  assert.equal(await sink.countRows('events', segment), 2_000, 'the token alone would not have held the rows back');
});

test('every code of the table of error classes has the name that the engine gives it', async () => {
  const codes = ERROR_CLASSES.map(({ code }) => code).join(',');
  const names = (await sql(`SELECT errorCodeToName(arrayJoin([${codes}]::Array(UInt32)))`)).split('\n');
  assert.deepEqual(
    names,
    ERROR_CLASSES.map(({ name }) => name),
  );
});

test('a table that somebody dropped pauses delivery, and the next migration makes it anew', async () => {
  await sql(`DROP TABLE ${qualified('events')} SYNC`);
  const segment = randomUUID();
  const block = nativeBlock(segment, 10);
  const failure = await failureOf(insert(segment, block));
  assert.deepEqual([failure.action, failure.code], ['pause', '60']);
  await migrateAll();
  await insert(segment, block);
  assert.equal(await sink.countRows('events', segment), 10);
});

/** Delivers a segment that an earlier process may have sent; resolves to how many tokens it took in the end. */
async function deliverInDoubt(segment: string, block: Buffer): Promise<number> {
  let tokens = 1;
  const segments: SegmentStore = {
    open: async () => Readable.from([block], { objectMode: false }),
    takeToken: async (taken) => ({ ...taken, tokens: ++tokens }),
    retire: async () => undefined,
    quarantine: async () => undefined,
    split: () => Promise.reject(new Error('not asked for here')),
    deadLetter: async () => undefined,
  };
  const ignore = (): void => undefined;
  const refusals = { parked: ignore, split: ignore, deadLettered: ignore, quarantined: ignore };
  const observer = { inserted: ignore, delivered: ignore, failed: ignore, stateChanged: ignore, ...refusals };
  const ports = { sink, segments, clock: SYSTEM_CLOCK, random: RANDOM, observer };
  const delivery = new Delivery(ports, { ...DELIVERY_LIMITS, settle_ms: 500 });
  delivery.start();
  delivery.add(inDoubt(segment, block));
  assert.equal(await delivery.flush(FLUSH_MS_MAX), true);
  await delivery.stop();
  return tokens;
}

function inDoubt(id: string, block: Buffer): SealedSegment {
  return {
    id,
    table: 'events',
    month: 202611,
    sequence: 1,
    columns: NAMES,
    rows: 1_000,
    native_bytes: block.length,
    file_bytes: block.length,
    received_at_ms: 0,
    sealed_at_ms: 0,
    accounts: [],
    tokens: 1,
  };
}

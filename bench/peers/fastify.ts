/**
 * What the daemon's users could build instead in a day: Fastify, AJV and ClickHouse's own client. It validates each event against the
 * source's schema, keeps the accepted ones in memory and inserts them as JSONEachRow, so many at a time or once a second. It
 * acknowledges before anything is on a disk.
 *
 * `node fastify.js CLICKHOUSE_URL`: prints `{"port":n}` once it listens on a free loopback port, and ends when its standard input does.
 */
import { randomUUID } from 'node:crypto';
import { createClient } from '@clickhouse/client';
import { Ajv } from 'ajv';
import fastify from 'fastify';
import { EVENT_SCHEMA, type LifecycleEvent, OPTIONAL_FIELDS } from '../../src/sources/deploy_report/schema.ts';

const FLUSH_ROWS = 50_000;
const FLUSH_MS = 1000;
const BODY_BYTES_MAX = 32 * 2 ** 20;
/** So many rows may wait while ClickHouse is busy; then reports are turned away. */
const ROWS_MAX = 1_000_000;

const client = createClient({ url: process.argv[2] ?? '' });
const accepts = new Ajv({ strict: true, allowUnionTypes: true }).compile<LifecycleEvent>(EVENT_SCHEMA);
const app = fastify({ bodyLimit: BODY_BYTES_MAX });
let rows: Record<string, unknown>[] = [];
let inserting: Promise<void> | undefined;

function rowOf(event: LifecycleEvent, timestamp: number): Record<string, unknown> {
  const { event_type, release_id, distinct_id, metadata } = event;
  const optional = Object.fromEntries(OPTIONAL_FIELDS.map((field) => [field, event[field] ?? '']));
  const text = typeof metadata === 'string' ? metadata : '{}';
  return { event_id: randomUUID(), timestamp, event_type, release_id, distinct_id, ...optional, metadata: JSON.parse(text) };
}

async function insert(): Promise<void> {
  const values = rows;
  rows = [];
  await client.insert({ table: 'peer_events', values, format: 'JSONEachRow' });
}

function flush(): void {
  if (rows.length === 0 || inserting !== undefined) return;
  inserting = insert().finally(() => {
    inserting = undefined;
  });
}

app.post<{ Body: { events: unknown[] } }>('/api/deploy/report', async (request, reply) => {
  if (rows.length > ROWS_MAX) return reply.code(503).header('Retry-After', '1').send();
  const timestamp = Date.now();
  let accepted = 0;
  for (const event of request.body.events) {
    if (!accepts(event)) continue;
    rows.push(rowOf(event, timestamp));
    accepted++;
  }
  if (rows.length >= FLUSH_ROWS) flush();
  return reply.code(202).send({ accepted, rejected: request.body.events.length - accepted });
});

await client.command({
  query: `CREATE TABLE IF NOT EXISTS peer_events (event_id UUID, timestamp DateTime64(3, 'UTC'), event_type LowCardinality(String),
    release_id String, distinct_id String, ${OPTIONAL_FIELDS.map((field) => `${field} LowCardinality(String)`).join(', ')},
    metadata JSON(max_dynamic_paths=64)) ENGINE = MergeTree ORDER BY (release_id, event_type, timestamp)`,
});
setInterval(flush, FLUSH_MS);
const address = await app.listen({ host: '127.0.0.1', port: 0 });
process.stdout.write(`${JSON.stringify({ port: Number(new URL(address).port) })}\n`);
process.stdin.on('end', () => process.exit(0)).resume();

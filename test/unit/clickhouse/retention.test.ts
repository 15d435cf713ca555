/** Retention against a server that shows one table and remembers what it is told. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { createConnection, ServerAddress } from '../../../src/clickhouse/connection.ts';
import { applyRetention, type RetentionResult } from '../../../src/clickhouse/migrations/retention.ts';
import { exception, startScriptedServer } from './scripted_server.ts';

const TABLES = [{ name: 'events', expires_by: 'received' }, { name: 'versions' }];
const engine_with = (ttl: string): string =>
  `MergeTree PARTITION BY toYYYYMM(received) ORDER BY x ${ttl} SETTINGS index_granularity = 8192`;

interface Run {
  readonly results: readonly RetentionResult[];
  readonly altered: readonly string[];
}

async function apply(context: TestContext, months: number | null, engine: string, code?: number): Promise<Run> {
  const server = await startScriptedServer((asked, response) => {
    if (asked.query.startsWith('SELECT name, engine_full')) response.end(`${JSON.stringify(['events', engine])}\n`);
    else if (code === undefined) response.end();
    else exception(response, code, 'no');
  });
  context.after(() => server.close());
  const client = createConnection({ address: ServerAddress.parse(server.url), connections_max: 2, request_timeout_ms: 2_000 });
  context.after(() => client.close());
  const ports = { client, clock: { nowMs: () => 0 }, random: { uuid: () => 'u' } };
  const results = await applyRetention(ports, 'pen', TABLES, months);
  return { results, altered: server.asked.map(({ query }) => query).filter((query) => query.startsWith('ALTER')) };
}

const MODIFIED = [
  'ALTER TABLE `pen`.`events` MODIFY SETTING ttl_only_drop_parts = 1, materialize_ttl_recalculate_only = 1',
  'ALTER TABLE `pen`.`events` MODIFY TTL toStartOfMonth(`received`) + toIntervalMonth(14)',
];

test('a table without a TTL, or with another number of months, gets the configured one; a table that keeps its rows is not asked after', async (context) => {
  for (const ttl of ['', 'TTL toStartOfMonth(received) + toIntervalMonth(5)']) {
    const { results, altered } = await apply(context, 13, engine_with(ttl));
    assert.deepEqual(altered, MODIFIED);
    assert.deepEqual(results, [{ table: 'events', outcome: 'changed', detail: 'kept for 13 months' }]);
  }
});

test('what is right already is not touched', async (context) => {
  assert.deepEqual((await apply(context, 13, engine_with('TTL toStartOfMonth(received) + toIntervalMonth(14)'))).altered, []);
  assert.deepEqual((await apply(context, 0, engine_with(''))).altered, []);
});

test('0 removes our TTL, null touches nothing', async (context) => {
  const engine = engine_with('TTL toStartOfMonth(received) + toIntervalMonth(14)');
  assert.deepEqual((await apply(context, 0, engine)).altered, ['ALTER TABLE `pen`.`events` REMOVE TTL']);
  assert.deepEqual(await apply(context, null, engine), { results: [], altered: [] });
});

test("somebody else's TTL is left alone and told of", async (context) => {
  const ttl = "toDateTime(received) + toIntervalDay(30) TO VOLUME 'cold'";
  const { results, altered } = await apply(context, 13, engine_with(`TTL ${ttl}`));
  assert.deepEqual([altered, results], [[], [{ table: 'events', outcome: 'foreign', detail: ttl }]]);
});

test('a server that does not allow the change keeps its tables, and delivery goes on', async (context) => {
  const { results } = await apply(context, 13, engine_with(''), 497);
  assert.equal(results[0]?.outcome, 'failed');
});

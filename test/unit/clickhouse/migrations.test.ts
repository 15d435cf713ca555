/** Migrations against a server that keeps nothing but the versions. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { createConnection, ServerAddress } from '../../../src/clickhouse/connection.ts';
import { type MigrationPorts, migrate } from '../../../src/clickhouse/migrations/migrate.ts';
import { SinkFailure } from '../../../src/contract/sink.ts';
import { exception, type Responder, startScriptedServer } from './scripted_server.ts';

const TABLE = { name: 'events', migrations: ['CREATE TABLE {database}.events …', 'ALTER TABLE {database}.events …'] };

async function portsFor(context: TestContext, respond: Responder): Promise<MigrationPorts> {
  const server = await startScriptedServer(respond);
  context.after(() => server.close());
  const client = createConnection({ address: ServerAddress.parse(server.url), connections_max: 2, request_timeout_ms: 2_000 });
  context.after(() => client.close());
  let uuids = 0;
  return { client, clock: { nowMs: () => 1_700_000_000_000 }, random: { uuid: () => `u${++uuids}` } };
}

/** A server at `version`, and the statements it ran besides the bookkeeping. */
function versions(version: number): { respond: Responder; statements: string[]; reached: () => number } {
  let reached = version;
  const statements: string[] = [];
  const respond: Responder = (asked, response) => {
    if (asked.query.startsWith('SELECT table_name, max(version)')) return void response.end(reached > 0 ? `events\t${reached}\n` : '');
    if (asked.query.startsWith('INSERT')) reached = Math.max(...JSON.parse(asked.parameters.get('param_versions') ?? ''));
    else statements.push(asked.query);
    response.end();
  };
  return { respond, statements, reached: () => reached };
}

test('a new database gets everything, in order, and each step is recorded', async (context) => {
  const { respond, statements, reached } = versions(0);
  const results = await migrate(await portsFor(context, respond), 'pen', [TABLE]);
  assert.equal(statements[0], 'CREATE DATABASE IF NOT EXISTS `pen`');
  assert.match(statements[1] ?? '', /^CREATE TABLE IF NOT EXISTS `pen`\.schema_versions/);
  assert.deepEqual(statements.slice(2), ['CREATE TABLE `pen`.events …', 'ALTER TABLE `pen`.events …']);
  assert.equal(reached(), 2);
  assert.deepEqual(results, [{ table: 'events', version_found: 0, version_reached: 2, ahead: false }]);
});

test('only what is missing is run', async (context) => {
  const { respond, statements } = versions(1);
  await migrate(await portsFor(context, respond), 'pen', [TABLE]);
  assert.deepEqual(statements.slice(2), ['ALTER TABLE `pen`.events …']);
});

test('a table that a newer release migrated is left alone, and said to be ahead', async (context) => {
  const { respond, statements } = versions(7);
  const results = await migrate(await portsFor(context, respond), 'pen', [TABLE]);
  assert.equal(statements.length, 2);
  assert.deepEqual(results, [{ table: 'events', version_found: 7, version_reached: 7, ahead: true }]);
});

test('a step that fails is not recorded, and its failure has a class', async (context) => {
  const { respond, reached } = versions(0);
  const ports = await portsFor(context, (asked, response, message) => {
    if (asked.query.startsWith('ALTER')) exception(response, 516, 'Authentication failed', 403);
    else respond(asked, response, message);
  });
  await assert.rejects(migrate(ports, 'pen', [TABLE]), (error) => error instanceof SinkFailure && error.action === 'pause');
  assert.equal(reached(), 1);
});

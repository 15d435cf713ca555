/** What the sink says to a server, and what it makes of the answers. */
import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { createConnection, ServerAddress } from '../../../src/clickhouse/connection.ts';
import { ClickHouseSink } from '../../../src/clickhouse/sink.ts';
import type { InsertRequest } from '../../../src/contract/sink.ts';
import { SinkFailure } from '../../../src/contract/sink.ts';
import { type Asked, exception, type Responder, type ScriptedServer, startScriptedServer } from './scripted_server.ts';

const SEGMENT = '0193a4f0-0000-7000-8000-000000000001';

interface Scene {
  readonly server: ScriptedServer;
  readonly sink: ClickHouseSink;
  /** The INSERTs among what was asked. */
  inserts(): Asked[];
}

/** A sink before a server that knows its table (`facts`) and answers the rest as told. */
async function scene(context: TestContext, respond: Responder, facts = 'engine\tMergeTree\nsetting\tdeduplicate_insert\n'): Promise<Scene> {
  const server = await startScriptedServer((asked, response, message) => {
    if (asked.query.includes('system.tables')) answer(response, facts);
    else respond(asked, response, message);
  });
  context.after(() => server.close());
  const address = ServerAddress.parse(server.url.replace('://', '://penstock:pass%20word@'));
  const client = createConnection({ address, connections_max: 4, request_timeout_ms: 400 });
  context.after(() => client.close());
  let uuids = 0;
  const sink = new ClickHouseSink({ client, random: { uuid: () => `u${++uuids}` } }, 'pen`stock');
  return { server, sink, inserts: () => server.asked.filter((asked) => asked.query.startsWith('INSERT')) };
}

function answer(response: ServerResponse, text = '', server_name = 'one'): void {
  response.writeHead(200, { 'X-ClickHouse-Server-Display-Name': server_name });
  response.end(text);
}

function request(changes: Partial<InsertRequest> = {}): InsertRequest {
  const body = Buffer.from('native bytes');
  return {
    table: 'deploy_events',
    columns: ['event_id', 'odd`name', 'ingest_segment'],
    query_id: `${SEGMENT}.u`,
    deduplication_token: `${SEGMENT}/2`,
    body: Readable.from([body.subarray(0, 5), body.subarray(5)], { objectMode: false }),
    body_bytes: body.length,
    ...changes,
  };
}

async function failureOf(work: Promise<unknown>): Promise<SinkFailure> {
  try {
    await work;
  } catch (error) {
    if (error instanceof SinkFailure) return error;
    throw error;
  }
  throw new assert.AssertionError({ message: 'it did not fail' });
}

test('an INSERT names its columns, carries the block with its length, and sets what exactness rests on', async (context) => {
  const { sink, inserts } = await scene(context, (_asked, response) => answer(response));
  await sink.insert(request());
  const [asked] = inserts();
  assert.ok(asked);
  assert.equal(asked.query, 'INSERT INTO `pen\\`stock`.`deploy_events` (`event_id`, `odd\\`name`, `ingest_segment`) FORMAT Native');
  assert.equal(asked.body.toString(), 'native bytes');
  assert.equal(asked.headers['content-length'], '12');
  assert.equal(asked.headers.authorization, `Basic ${Buffer.from('penstock:pass word').toString('base64')}`);
  const settings: Record<string, string> = {
    query_id: `${SEGMENT}.u`,
    log_comment: `${SEGMENT}.u`,
    insert_deduplication_token: `${SEGMENT}/2`,
    insert_deduplicate: '1',
    deduplicate_insert: 'enable',
    async_insert: '0',
    input_format_skip_unknown_fields: '0',
    max_partitions_per_insert_block: '1',
    timeout_overflow_mode: 'throw',
    wait_end_of_query: '1',
  };
  for (const [name, value] of Object.entries(settings)) assert.equal(asked.parameters.get(name), value, name);
  assert.equal(asked.parameters.has('use_strict_insert_block_limits'), false, 'this server does not know it');
  assert.equal(asked.parameters.has('insert_quorum'), false, 'this table has no replicas');
});

test('a table of replicas is written with a quorum', async (context) => {
  const { sink, inserts } = await scene(context, (_asked, response) => answer(response), 'engine\tReplicatedMergeTree\n');
  await sink.insert(request());
  assert.equal(inserts()[0]?.parameters.get('insert_quorum'), 'auto');
});

test('the facts of a table are asked once', async (context) => {
  const { server, sink } = await scene(context, (_asked, response) => answer(response));
  await sink.insert(request());
  await sink.insert(request());
  assert.equal(server.asked.length, 3);
});

test('a table that is not there pauses, with the code of ClickHouse, and is looked for again', async (context) => {
  const { server, sink } = await scene(context, (_asked, response) => answer(response), 'setting\tdeduplicate_insert\n');
  for (let time = 1; time <= 2; time++) {
    const failure = await failureOf(sink.insert(request()));
    assert.deepEqual([failure.action, failure.in_doubt, failure.code], ['pause', false, '60']);
    assert.equal(server.asked.length, time);
  }
});

test('an error of ClickHouse keeps its code, its text and its class', async (context) => {
  const { sink } = await scene(context, (_asked, response) => exception(response, 241, 'Query memory limit exceeded'));
  const failure = await failureOf(sink.insert(request()));
  assert.deepEqual([failure.action, failure.in_doubt, failure.code], ['shrink', true, '241']);
  assert.match(failure.message, /Query memory limit exceeded/);
});

test('an error under status 200 is an error: by the header, and by the text alone', async (context) => {
  const texts = [true, false];
  const { sink } = await scene(context, (_asked, response) => {
    if (texts.shift()) exception(response, 252, 'Too many parts', 200);
    else answer(response, 'Code: 252. DB::Exception: Too many parts. (TOO_MANY_PARTS)\n');
  });
  for (let time = 0; time < 2; time++) assert.equal((await failureOf(sink.insert(request()))).code, '252');
});

test('an answer of a proxy is told by its status', async (context) => {
  const { sink } = await scene(context, (_asked, response) => response.writeHead(502).end('<html>bad gateway</html>'));
  const failure = await failureOf(sink.insert(request()));
  assert.deepEqual([failure.action, failure.in_doubt, failure.code], ['retry', true, 'HTTP_502']);
});

test('a connection that is reset, or cut within the answer, leaves the INSERT in doubt', async (context) => {
  const ends = ['reset', 'cut'];
  const { sink } = await scene(context, (_asked, response, message) => {
    if (ends.shift() === 'reset') message.socket.resetAndDestroy();
    else {
      response.writeHead(200, { 'Content-Length': '10' });
      response.write('12345', () => message.socket.destroy());
    }
  });
  for (let time = 0; time < 2; time++) {
    const failure = await failureOf(sink.insert(request()));
    assert.deepEqual([failure.action, failure.in_doubt, failure.code], ['retry', true, 'ECONNRESET']);
  }
});

test('a server that says nothing leaves the INSERT in doubt when the time is up', async (context) => {
  const { sink } = await scene(context, () => {});
  const failure = await failureOf(sink.insert(request()));
  assert.deepEqual([failure.action, failure.in_doubt, failure.code], ['retry', true, 'TIMEOUT']);
});

test('a server that is not there leaves nothing in doubt', async (context) => {
  const { server, sink } = await scene(context, (_asked, response) => answer(response));
  await server.close();
  const failure = await failureOf(sink.insert(request()));
  assert.deepEqual([failure.action, failure.in_doubt, failure.code], ['retry', false, 'ECONNREFUSED']);
});

for (const body_bytes of [11, 13]) {
  test(`a segment's stream of 12 bytes that should be ${body_bytes} is never a whole request`, async (context) => {
    const { sink, inserts } = await scene(context, (_asked, response) => answer(response));
    const failure = await failureOf(sink.insert(request({ body_bytes })));
    assert.deepEqual([failure.action, failure.in_doubt, failure.code], ['retry', true, 'BODY_LENGTH']);
    assert.equal(inserts().length, 0);
  });
}

test('a stream that fails while it is sent fails the INSERT, and is destroyed', async (context) => {
  const { sink, inserts } = await scene(context, (_asked, response) => answer(response));
  const body = new Readable({
    read() {
      this.destroy(Object.assign(new Error('EIO: i/o error, read'), { code: 'EIO' }));
    },
  });
  const failure = await failureOf(sink.insert(request({ body })));
  assert.equal(failure.code, 'EIO');
  assert.equal(inserts().length, 0);
});

test('whether a segment is being inserted is asked by prefix, as a parameter', async (context) => {
  const { server, sink } = await scene(context, (_asked, response) => answer(response, '1\n'));
  assert.equal(await sink.isRunning(SEGMENT), true);
  assert.equal(server.asked[0]?.parameters.get('param_prefix'), SEGMENT);
  assert.doesNotMatch(server.asked[0]?.query ?? '', new RegExp(SEGMENT));
  assert.match(server.asked[0]?.parameters.get('query_id') ?? '', /^ask-/, 'the question does not find itself');
});

test('rows are counted by segment', async (context) => {
  const { server, sink } = await scene(context, (_asked, response) => answer(response, '42\n'));
  assert.equal(await sink.countRows('deploy_events', SEGMENT), 42);
  assert.equal(server.asked[1]?.parameters.get('param_segment'), SEGMENT);
});

test('a shared table is counted with a consistent read', async (context) => {
  const { server, sink } = await scene(context, (_asked, response) => answer(response, '42\n'), 'engine\tSharedMergeTree\n');
  await sink.countRows('deploy_events', SEGMENT);
  assert.equal(server.asked[1]?.parameters.get('select_sequential_consistency'), '1');
});

test('a replicated table is counted on the replica that was brought up to date, or not at all', async (context) => {
  const names = ['one', 'one', 'one', 'other', '', ''];
  const { server, sink } = await scene(
    context,
    (asked, response) => answer(response, asked.query.startsWith('SYSTEM') ? '' : '42\n', names.shift()),
    'engine\tReplicatedMergeTree\n',
  );
  assert.equal(await sink.countRows('deploy_events', SEGMENT), 42);
  assert.equal(server.asked[1]?.query, 'SYSTEM SYNC REPLICA `pen\\`stock`.`deploy_events` LIGHTWEIGHT');
  assert.equal((await failureOf(sink.countRows('deploy_events', SEGMENT))).code, 'OTHER_REPLICA');
  assert.equal((await failureOf(sink.countRows('deploy_events', SEGMENT))).code, 'OTHER_REPLICA', 'a server without a name');
});

test('an answer that is no count is not taken for one', async (context) => {
  for (const text of ['', '0', 'zero\n', '-1\n', '1\n2\n']) {
    await context.test(JSON.stringify(text), async (inner) => {
      const { sink } = await scene(inner, (_asked, response) => answer(response, text));
      assert.equal((await failureOf(sink.countRows('deploy_events', SEGMENT))).code, 'NOT_A_COUNT');
    });
  }
});

test('sockets are used again from one statement to the next', async (context) => {
  const sockets = new Set<unknown>();
  const { sink } = await scene(context, (_asked, response, message) => {
    sockets.add(message.socket);
    answer(response);
  });
  for (let time = 0; time < 5; time++) await sink.insert(request());
  assert.equal(sockets.size, 1);
});

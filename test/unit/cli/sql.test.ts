import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type TestContext, test } from 'node:test';
import { SQL_COMMAND } from '../../../src/cli/sql.ts';
import { runOnce, type Session, Terminal } from './terminal.ts';

interface Asked {
  url: string;
  user: string | undefined;
  password: string | undefined;
  statement: string;
}

type Answer = (response: ServerResponse) => void;

/** A ClickHouse of paper: keeps what it was asked and answers as told. */
async function makeServer(context: TestContext, answer: Answer): Promise<{ asked: Asked[]; port: number }> {
  const asked: Asked[] = [];
  const server = createServer(async (request: IncomingMessage, response: ServerResponse) => {
    const chunks = await request.setEncoding('utf8').toArray();
    const { 'x-clickhouse-user': user, 'x-clickhouse-key': password } = request.headers;
    asked.push({ url: request.url ?? '', user: user?.toString(), password: password?.toString(), statement: chunks.join('') });
    answer(response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(() => server.close());
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  return { asked, port: address.port };
}

function sql(environment: Record<string, string>, ...line: string[]): Promise<Session> {
  return runOnce(['sql', ...line], [SQL_COMMAND], environment);
}

test('a statement goes to the embedded ClickHouse with the configured database and password, and its answer to stdout', async (context) => {
  const { asked, port } = await makeServer(context, (response) => response.end('1\t2\n'));
  const environment = { PENSTOCK_CLICKHOUSE__EMBEDDED_PORT: String(port), PENSTOCK_CLICKHOUSE__EMBEDDED_PASSWORD: 'p ss' };
  const { code, stdout, stderr } = await sql(environment, 'SELECT 1, 2');
  assert.deepEqual([code, stdout, stderr], [0, '1\t2\n', '']);
  assert.deepEqual(asked, [
    { url: '/?database=penstock&default_format=TabSeparated', user: 'default', password: 'p ss', statement: 'SELECT 1, 2' },
  ]);
});

test('a server of its own is asked as the user of clickhouse.url, and no password stands in the address', async (context) => {
  const { asked, port } = await makeServer(context, (response) => response.end());
  const environment = { PENSTOCK_CLICKHOUSE__URL: `http://me:p%40ss@127.0.0.1:${port}`, PENSTOCK_CLICKHOUSE__DATABASE: 'other' };
  assert.equal((await sql(environment, 'SELECT 1', '--format', 'CSV')).code, 0);
  assert.deepEqual([asked[0]?.user, asked[0]?.password, asked[0]?.url], ['me', 'p@ss', '/?database=other&default_format=CSV']);
});

test('the format is PrettyCompact on a terminal and JSONEachRow with --json', async (context) => {
  const { asked, port } = await makeServer(context, (response) => response.end());
  const environment = { PENSTOCK_CLICKHOUSE__EMBEDDED_PORT: String(port) };
  const terminal = new Terminal(environment);
  Object.defineProperty(terminal.stdout, 'isTTY', { value: true });
  await terminal.run(['sql', 'SELECT 1'], [SQL_COMMAND]);
  await sql(environment, 'SELECT 1', '--json');
  assert.deepEqual(
    asked.map(({ url }) => url.split('=').at(-1)),
    ['PrettyCompact', 'JSONEachRow'],
  );
});

test("ClickHouse's error goes to stderr as it is, exit 1", async (context) => {
  const { port } = await makeServer(context, (response) => response.writeHead(404).end('Code: 60. DB::Exception: no such {table}\n'));
  const { code, stdout, stderr } = await sql({ PENSTOCK_CLICKHOUSE__EMBEDDED_PORT: String(port) }, 'SELECT * FROM nothing');
  assert.deepEqual([code, stdout, stderr], [1, '', 'Code: 60. DB::Exception: no such {table}\n']);
});

test('an answer that breaks off is a failure, though its beginning was good', async (context) => {
  const { port } = await makeServer(context, (response) => response.write('1\n', () => response.destroy()));
  const { code, stderr } = await sql({ PENSTOCK_CLICKHOUSE__EMBEDDED_PORT: String(port) }, 'SELECT 1');
  assert.equal(code, 1);
  assert.match(stderr, /^No answer from http:\/\/127\.0\.0\.1:\d+ \(aborted\)/);
});

test('without a daemon the answer is one line that asks for it', async () => {
  const { code, stderr } = await sql({ PENSTOCK_CLICKHOUSE__EMBEDDED_PORT: '1' }, 'SELECT 1');
  assert.equal(code, 1);
  assert.match(stderr, /^No answer from http:\/\/127\.0\.0\.1:1 \(.*ECONNREFUSED.*\)\. Is the daemon running\?\n$/);
});

test('an embedded port of 0 cannot be asked', async () => {
  const { code, stderr } = await sql({ PENSTOCK_CLICKHOUSE__EMBEDDED_PORT: '0' }, 'SELECT 1');
  assert.equal(code, 2);
  assert.match(stderr, /PENSTOCK_CLICKHOUSE__EMBEDDED_PORT/);
});

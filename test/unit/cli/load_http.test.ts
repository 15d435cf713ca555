/** The lean HTTP client of `load`: answers read from bytes, and a connection that trusts a socket only when it may. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { SYSTEM_CLOCK } from '../../../src/base/system_clock.ts';
import { readAnswer } from '../../../src/cli/load/http_answer.ts';
import { HttpConnection, NoAnswer } from '../../../src/cli/load/http_connection.ts';

const BODY = '{"accepted":1,"rejected":0}';
const ANSWER = `HTTP/1.1 202 Accepted\r\nDate: today\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`;
const REQUEST = Buffer.from('POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n');

test('an answer is read with its status, body and length', () => {
  assert.deepEqual(readAnswer(Buffer.from(`${ANSWER}next`)), {
    kind: 'answer',
    answer: { status: 202, body: BODY, retry_after_s: undefined, last: false },
    bytes_used: ANSWER.length,
  });
});

test('an answer is incomplete at every byte before its last', () => {
  for (let length = 0; length < ANSWER.length; length++) {
    assert.equal(readAnswer(Buffer.from(ANSWER.slice(0, length))).kind, 'incomplete', `${length} bytes`);
  }
});

test('headers are found in any case, and Retry-After and Connection are understood', () => {
  const read = readAnswer(Buffer.from('HTTP/1.1 503 Busy\r\nRETRY-AFTER: 7\r\nconnection: Close\r\ncontent-length:0\r\n\r\n'));
  assert.ok(read.kind === 'answer');
  assert.deepEqual(read.answer, { status: 503, body: '', retry_after_s: 7, last: true });
});

test('a header name inside a value or another name is not that header', () => {
  const read = readAnswer(Buffer.from('HTTP/1.1 200 OK\r\nX-Content-Length: 5\r\nVia: content-length:9\r\nContent-Length: 0\r\n\r\n'));
  assert.ok(read.kind === 'answer');
  assert.equal(read.answer.body, '');
});

for (const [what, text] of [
  ['a chunked answer', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'],
  ['an answer without a length', 'HTTP/1.1 200 OK\r\n\r\n'],
  ['a length that is no number', 'HTTP/1.1 200 OK\r\nContent-Length: 1x\r\n\r\n'],
  ['a body beyond all measure', 'HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n'],
  ['an interim answer', 'HTTP/1.1 100 Continue\r\n\r\n'],
  ['another protocol', 'SSH-2.0-OpenSSH\r\n\r\n'],
  ['a head without end', 'x'.repeat(20_000)],
] as const) {
  test(`${what} is malformed`, () => {
    assert.equal(readAnswer(Buffer.from(text)).kind, 'malformed');
  });
}

/** A server that does as `onRequest` says with each request's socket; `use` gets a connection to it. */
async function withServer(
  on_request: (socket: Socket, sockets_so_far: number) => void,
  use: (connection: HttpConnection, counts: { sockets: number }) => Promise<void>,
): Promise<void> {
  const counts = { sockets: 0 };
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    counts.sockets += 1;
    const nth = counts.sockets;
    open.add(socket);
    socket.on('error', () => undefined).on('data', () => on_request(socket, nth));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  const connection = new HttpConnection({ host: '127.0.0.1', port: address.port }, SYSTEM_CLOCK);
  try {
    await use(connection, counts);
  } finally {
    connection.close();
    for (const socket of open) socket.destroy();
    server.close();
  }
}

async function failure(promise: Promise<unknown>): Promise<NoAnswer> {
  const problem = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  assert.ok(problem instanceof NoAnswer);
  return problem;
}

test('requests one after the other share a socket', () =>
  withServer(
    (socket) => socket.write(ANSWER),
    async (connection, counts) => {
      for (let round = 0; round < 3; round++) assert.equal((await connection.send(REQUEST)).body, BODY);
      assert.equal(counts.sockets, 1);
    },
  ));

test('an answer in pieces is put together', () =>
  withServer(
    (socket) => {
      socket.write(ANSWER.slice(0, 30));
      setImmediate(() => socket.write(ANSWER.slice(30)));
    },
    async (connection) => {
      assert.equal((await connection.send(REQUEST)).body, BODY);
    },
  ));

test('after an answer that says close, the next request takes a new socket', () =>
  withServer(
    (socket) => socket.end(ANSWER.replace('Date: today', 'Connection: close')),
    async (connection, counts) => {
      await connection.send(REQUEST);
      await connection.send(REQUEST);
      assert.equal(counts.sockets, 2);
    },
  ));

test('bytes behind an answer are never taken for the next one', () =>
  withServer(
    (socket, nth) => socket.write(nth === 1 ? `${ANSWER}HTTP/1.1 500 Stray\r\nContent-Length: 0\r\n\r\n` : ANSWER),
    async (connection, counts) => {
      await connection.send(REQUEST);
      assert.equal((await connection.send(REQUEST)).status, 202);
      assert.equal(counts.sockets, 2);
    },
  ));

test('a connection that the server closes without an answer fails the request, and the next one works', () =>
  withServer(
    (socket, nth) => (nth === 1 ? socket.destroy() : socket.write(ANSWER)),
    async (connection) => {
      assert.match((await failure(connection.send(REQUEST))).code, /^(closed|ECONNRESET)$/);
      assert.equal((await connection.send(REQUEST)).status, 202);
    },
  ));

test('an answer that cannot be understood fails the request with the reason', () =>
  withServer(
    (socket) => socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'),
    async (connection) => {
      assert.match((await failure(connection.send(REQUEST))).message, /chunked/);
    },
  ));

test('a request without an answer is given up when its time is over', () =>
  withServer(
    () => undefined,
    async (connection) => {
      const failing = failure(connection.send(REQUEST));
      connection.expire(60_000);
      connection.expire(-1);
      assert.equal((await failing).code, 'timeout');
    },
  ));

/** A daemon of paper for the tests of `load`: keeps a digest of what it gets and answers as told. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';

export interface Received {
  readonly key: string | undefined;
  readonly hash: string;
  readonly events: number;
  readonly at_ms: number;
}

/** Answers the nth request (from 1); the batch has `events` events. */
export type Answerer = (response: ServerResponse, nth: number, events: number) => void;

/** Answers with a body of known length, as the daemon does. */
export function reply(response: ServerResponse, status: number, body: string, headers: Readonly<Record<string, string>> = {}): void {
  response.writeHead(status, { 'content-length': body.length, ...headers }).end(body);
}

export const accept: Answerer = (response, _nth, events) => reply(response, 202, JSON.stringify({ accepted: events, rejected: 0 }));

/** Runs `use` with the port of such a daemon and all that it receives; ends the daemon whatever happens. */
export async function withPaperDaemon<Result>(
  answer: Answerer,
  use: (port: number, received: Received[]) => Promise<Result>,
): Promise<Result> {
  const received: Received[] = [];
  const server = createServer(async (request, response) => {
    const body = (await request.setEncoding('utf8').toArray()).join('');
    const { events }: { events: unknown[] } = JSON.parse(body);
    const key = request.headers['x-api-key']?.toString();
    const hash = createHash('sha256').update(body).digest('hex');
    received.push({ key, hash, events: events.length, at_ms: performance.now() });
    answer(response, received.length, events.length);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  try {
    return await use(address.port, received);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

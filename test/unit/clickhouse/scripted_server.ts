/** A small HTTP server on a free loopback port that answers what a test tells it to, and remembers what it was asked. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Asked {
  readonly query: string;
  readonly parameters: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

export type Responder = (asked: Asked, response: ServerResponse, message: IncomingMessage) => void;

export interface ScriptedServer {
  readonly url: string;
  readonly asked: Asked[];
  close(): Promise<void>;
}

export async function startScriptedServer(respond: Responder): Promise<ScriptedServer> {
  const asked: Asked[] = [];
  const server = createServer(async (message, response) => {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of message) chunks.push(chunk);
    } catch {
      return;
    }
    const parameters = new URL(message.url ?? '/', 'http://localhost').searchParams;
    const body = Buffer.concat(chunks);
    const query = parameters.get('query') ?? body.toString();
    const entry = { query, parameters, headers: message.headers, body };
    asked.push(entry);
    respond(entry, response, message);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${port(server.address())}`,
    asked,
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function port(address: string | AddressInfo | null): number {
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return address.port;
}

/** Answers as ClickHouse does when a statement failed. */
export function exception(response: ServerResponse, code: number, text: string, status = 500): void {
  response.writeHead(status, { 'X-ClickHouse-Exception-Code': String(code) });
  response.end(`Code: ${code}. DB::Exception: ${text}. (SOME_NAME) (version 26.7.2.1)\n`);
}

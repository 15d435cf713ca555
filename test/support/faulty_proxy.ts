/**
 * A proxy in front of ClickHouse that fails as networks and proxies do, on real sockets. What befalls a request is decided when it has come
 * in whole; the answer of the server is awaited before anything that is to happen after the commit.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import { setTimeout } from 'node:timers/promises';

/**
 * - `reset`: the connection is reset, the server never hears of it
 * - `refuse`: 500 from the proxy, the server never hears of it
 * - `stall`: no answer, the server never hears of it
 * - `late`: the server gets the request when the client has long given up
 * - `cut_request`: the server gets half of the body, then the connection breaks
 * - `reset_after_commit`, `stall_after_commit`, `refuse_after_commit`: the server has done it, the client is not told
 * - `cut_answer`: the answer breaks off
 */
export const PROXY_FAULTS = [
  'reset',
  'refuse',
  'stall',
  'late',
  'cut_request',
  'reset_after_commit',
  'stall_after_commit',
  'refuse_after_commit',
  'cut_answer',
] as const;
export type ProxyFault = (typeof PROXY_FAULTS)[number];

export interface ProxyOptions {
  /** Of the server behind it. */
  readonly target: string;
  /** What befalls the request to this path and query; undefined: nothing. */
  readonly fault: (url: string) => ProxyFault | undefined;
  /** For `late`: longer than a client waits. */
  readonly late_ms: number;
}

interface Answered {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

export class FaultyProxy {
  private readonly server: Server;
  private readonly late: Set<Promise<unknown>> = new Set();

  constructor(private readonly options: ProxyOptions) {
    this.server = createServer((incoming, outgoing) => {
      // Whatever breaks here is broken for the client, which is what this is for.
      this.handle(incoming, outgoing).catch(() => outgoing.destroy());
    });
  }

  /** Resolves to its port. */
  async listen(): Promise<number> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    const address = this.server.address();
    if (typeof address !== 'object' || address === null) throw new Error('a listening proxy has no port');
    return address.port;
  }

  /** Resolves when every `late` request has reached the server. */
  async settle(): Promise<void> {
    await Promise.allSettled(this.late);
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await this.settle();
  }

  private async handle(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(Buffer.from(chunk));
    const body = Buffer.concat(chunks);
    const fault = this.options.fault(incoming.url ?? '/');
    if (fault === 'reset') outgoing.destroy();
    else if (fault === 'refuse') outgoing.writeHead(500).end('a proxy in between has failed');
    else if (fault === 'cut_request') await this.forward(incoming, body, Math.floor(body.length / 2)).catch(() => outgoing.destroy());
    else if (fault === 'late') this.forwardLate(incoming, body);
    else if (fault !== 'stall') this.answer(outgoing, await this.forward(incoming, body), fault);
  }

  private answer(outgoing: ServerResponse, answered: Answered, fault: ProxyFault | undefined): void {
    const { 'transfer-encoding': _, connection: __, ...headers } = answered.headers;
    if (fault === 'stall_after_commit') return;
    if (fault === 'reset_after_commit') outgoing.destroy();
    else if (fault === 'refuse_after_commit') outgoing.writeHead(502).end('a proxy in between has failed');
    else if (fault === 'cut_answer') {
      outgoing.writeHead(answered.status, { ...headers, 'content-length': answered.body.length + 100 });
      outgoing.write(Buffer.concat([answered.body, Buffer.alloc(1)]), () => outgoing.destroy());
    } else outgoing.writeHead(answered.status, { ...headers, 'content-length': answered.body.length }).end(answered.body);
  }

  private forwardLate(incoming: IncomingMessage, body: Buffer): void {
    const sent = setTimeout(this.options.late_ms)
      .then(() => this.forward(incoming, body))
      // The server may be gone by then.
      .catch(() => undefined)
      .finally(() => this.late.delete(sent));
    this.late.add(sent);
  }

  /** @param cut_bytes break the connection after so many bytes of the body; then it rejects */
  private forward(incoming: IncomingMessage, body: Buffer, cut_bytes?: number): Promise<Answered> {
    const { 'transfer-encoding': _, connection: __, host: ___, ...headers } = incoming.headers;
    return new Promise((resolve, reject) => {
      const upstream = request(
        new URL(incoming.url ?? '/', this.options.target),
        { method: incoming.method ?? 'GET', headers: { ...headers, 'content-length': body.length }, agent: false },
        (answer) => {
          const chunks: Buffer[] = [];
          answer.on('data', (chunk) => chunks.push(Buffer.from(chunk)));
          answer.on('error', reject);
          answer.on('end', () => resolve({ status: answer.statusCode ?? 500, headers: answer.headers, body: Buffer.concat(chunks) }));
        },
      );
      upstream.on('error', reject);
      if (cut_bytes === undefined) upstream.end(body);
      else upstream.write(body.subarray(0, cut_bytes), () => upstream.destroy(new Error('cut')));
    });
  }
}

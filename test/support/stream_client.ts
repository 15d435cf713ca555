/** A WebSocket client for tests: what came is kept until somebody asks for it. */
import { once } from 'node:events';
import { WebSocket } from 'ws';
import { until } from './until.ts';

const ANSWER_MS_MAX = 10_000;

/** What a stream tells its client, whatever of it. */
export interface StreamAnswer {
  readonly seq?: number | null;
  readonly accepted?: number;
  readonly rejected?: number;
  readonly error?: string;
  readonly message?: string;
  readonly retry_after_ms?: number;
  readonly hello?: Readonly<Record<string, number>>;
}

export class StreamClient {
  readonly answers: StreamAnswer[] = [];
  /** Code and reason of the end; undefined while the connection lasts. */
  ended: { readonly code: number; readonly reason: string } | undefined;
  pings = 0;
  private taken = 0;

  private constructor(readonly socket: WebSocket) {
    socket.on('message', (data) => {
      const answer: StreamAnswer = JSON.parse(String(data));
      this.answers.push(answer);
    });
    socket.on('close', (code, reason) => {
      this.ended = { code, reason: String(reason) };
    });
    socket.on('ping', () => this.pings++);
    // What went wrong shows in how the connection ends.
    socket.on('error', () => undefined);
  }

  /** Resolves when the connection is open; rejects with the status of an answer that is none. */
  static async open(url: string, headers: Readonly<Record<string, string>> = {}): Promise<StreamClient> {
    const socket = new WebSocket(url.replace(/^http/, 'ws'), { headers });
    const client = new StreamClient(socket);
    const refused = new Promise<never>((_resolve, reject) => {
      socket.on('unexpected-response', (_request, response) => {
        let body = '';
        response.on('data', (chunk) => (body += String(chunk)));
        response.on('end', () => reject(new Error(`${response.statusCode} ${body}`)));
      });
    });
    await Promise.race([once(socket, 'open'), refused]);
    return client;
  }

  send(message: string | Uint8Array): void {
    this.socket.send(message);
  }

  sendJson(message: object): void {
    this.send(JSON.stringify(message));
  }

  /** The answers that came since the last call, once there are `count` of them. */
  async take(count: number): Promise<StreamAnswer[]> {
    await until(`there are ${count} answers`, ANSWER_MS_MAX, () => this.answers.length >= this.taken + count);
    const taken = this.answers.slice(this.taken, this.taken + count);
    this.taken += count;
    return taken;
  }

  async end(): Promise<{ readonly code: number; readonly reason: string }> {
    await until('the connection has ended', ANSWER_MS_MAX, () => this.ended !== undefined);
    return this.ended ?? { code: 0, reason: '' };
  }

  /** Cuts the connection without a word. */
  cut(): void {
    this.socket.terminate();
  }
}

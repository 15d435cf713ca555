/**
 * One WebSocket of a load, with one message in flight. Its answers are told as an HTTP server would: counts are a 202, an error with a
 * time to come back a 503, any other error a 400.
 */
import { WebSocket } from 'ws';
import { assert } from '../../base/assert.ts';
import { parseJson } from '../../base/json.ts';
import type { Clock } from '../../contract/ports.ts';
import type { Address } from '../daemon_address.ts';
import type { Connection } from './connection.ts';
import type { HttpAnswer } from './http_answer.ts';
import { NoAnswer } from './http_connection.ts';
import { authorityOf } from './traffic.ts';

const HANDSHAKE_MS_MAX = 10_000;
const NORMAL_CLOSE = 1000;

interface Exchange {
  readonly seq: number;
  readonly resolve: (answer: HttpAnswer) => void;
  readonly reject: (problem: NoAnswer) => void;
  readonly started_ms: number;
}

export interface StreamPlan {
  readonly address: Address;
  readonly key: string;
  /** By which the daemon knows the phone again after a broken connection. */
  readonly session: string;
  /** Whether messages are bytes and not text. */
  readonly is_binary: boolean;
}

export class StreamConnection implements Connection {
  private socket: WebSocket | undefined;
  private exchange: Exchange | undefined;

  constructor(
    private readonly plan: StreamPlan,
    private readonly clock: Clock,
  ) {}

  send(bytes: Uint8Array, seq: number): Promise<HttpAnswer> {
    assert(this.exchange === undefined, 'BUG: a message was sent while another was in flight on its connection');
    if (this.socket !== undefined && this.socket.readyState > WebSocket.OPEN) this.drop();
    this.socket ??= this.open();
    const { socket } = this;
    return new Promise((resolve, reject) => {
      this.exchange = { seq, resolve, reject, started_ms: this.clock.monotonicMs() };
      if (socket.readyState === WebSocket.OPEN) this.write(socket, bytes);
      else socket.once('open', () => this.write(socket, bytes));
    });
  }

  expire(answer_ms_max: number): void {
    const { exchange } = this;
    if (exchange === undefined || this.clock.monotonicMs() - exchange.started_ms <= answer_ms_max) return;
    this.fail(new NoAnswer('timeout', `no answer within ${answer_ms_max / 1000} s`));
  }

  close(): void {
    const { socket } = this;
    if (this.exchange === undefined && socket?.readyState === WebSocket.OPEN) {
      this.socket = undefined;
      socket.close(NORMAL_CLOSE);
      return;
    }
    this.fail(new NoAnswer('closed', 'the connection was closed'));
  }

  private open(): WebSocket {
    const { address, key, session } = this.plan;
    const url = `${address.trust === undefined ? 'ws' : 'wss'}://${authorityOf(address)}/api/deploy/stream?session=${session}`;
    const options = { headers: { 'x-api-key': key }, handshakeTimeout: HANDSHAKE_MS_MAX, perMessageDeflate: false };
    const socket = new WebSocket(url, { ...options, ...(address.trust?.ca === undefined ? {} : { ca: address.trust.ca }) });
    socket.on('message', (data) => this.receive(socket, String(data)));
    socket.on('unexpected-response', (_request, response) => {
      response.resume();
      const retry_after_s = Number(response.headers['retry-after'] ?? Number.NaN);
      const answer = { status: response.statusCode ?? 0, body: 'the connection was refused', last: true };
      this.settle(socket, { ...answer, retry_after_s: Number.isFinite(retry_after_s) ? retry_after_s : undefined });
      if (socket === this.socket) this.drop();
    });
    socket.on('error', (error: Error & { code?: string }) => {
      if (socket === this.socket) this.fail(new NoAnswer(error.code ?? 'error', error.message, { cause: error }));
    });
    socket.on('close', (code, reason) => {
      if (socket === this.socket) this.fail(new NoAnswer(`closed ${code}`, `the server closed the connection: ${code} ${reason}`));
    });
    return socket;
  }

  private write(socket: WebSocket, bytes: Uint8Array): void {
    if (socket === this.socket) socket.send(bytes, { binary: this.plan.is_binary });
  }

  private receive(socket: WebSocket, text: string): void {
    const seq = this.exchange?.seq;
    const told = readAnswer(text);
    if (told === undefined || told.seq !== seq) {
      if (socket === this.socket) this.fail(new NoAnswer('malformed', `the server sent ${text.slice(0, 200)}, not the answer to ${seq}`));
      return;
    }
    const { retry_after_s, status } = told;
    this.settle(socket, { status, retry_after_s, body: text, last: false });
  }

  private settle(socket: WebSocket, answer: HttpAnswer): void {
    const { exchange } = this;
    if (socket !== this.socket || exchange === undefined) return;
    this.exchange = undefined;
    exchange.resolve(answer);
  }

  private fail(problem: NoAnswer): void {
    const { exchange } = this;
    this.exchange = undefined;
    this.drop();
    exchange?.reject(problem);
  }

  private drop(): void {
    const { socket } = this;
    this.socket = undefined;
    socket?.terminate();
  }
}

function readAnswer(text: string): { seq: unknown; status: number; retry_after_s: number | undefined } | undefined {
  const answer = parseJson(text);
  if (typeof answer !== 'object' || answer === null || !('seq' in answer)) return undefined;
  const retry_after_ms = 'retry_after_ms' in answer && typeof answer.retry_after_ms === 'number' ? answer.retry_after_ms : undefined;
  const failed_status = retry_after_ms === undefined ? 400 : 503;
  return {
    seq: answer.seq,
    status: 'error' in answer ? failed_status : 202,
    retry_after_s: retry_after_ms === undefined ? undefined : retry_after_ms / 1000,
  };
}

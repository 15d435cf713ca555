/**
 * One keep-alive connection to the daemon with one request in flight, over a bare socket: no agent, no streams, and without TLS one
 * buffer for all that is received. It connects when it must and forgets its socket whenever the next byte on it would be a guess.
 */
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { assert } from '../../base/assert.ts';
import type { Clock } from '../../contract/ports.ts';
import { type Address, tlsOptions } from '../daemon_address.ts';
import type { Connection } from './connection.ts';
import { type HttpAnswer, type KnownHeads, readAnswer } from './http_answer.ts';

/** There was no answer to a request, or none that can be understood; whether the server took it is unknown. */
export class NoAnswer extends Error {
  /** The operating system's code (`ECONNREFUSED`), or `closed`, `timeout`, `malformed`. */
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'NoAnswer';
    this.code = code;
  }
}

/** Servers close an idle connection after some 10 s; one that is idle for longer than this is not trusted with a request. */
const IDLE_MS_MAX = 5000;
const RECEIVE_BYTES = 16 * 1024;

interface Exchange {
  readonly resolve: (answer: HttpAnswer) => void;
  readonly reject: (problem: NoAnswer) => void;
  readonly started_ms: number;
}

export class HttpConnection implements Connection {
  private readonly address: Address;
  private readonly clock: Clock;
  private readonly received = Buffer.alloc(RECEIVE_BYTES);
  private socket: Socket | undefined;
  private exchange: Exchange | undefined;
  /** The beginning of an answer that did not come in one piece. */
  private partial: Buffer | undefined;
  private readonly known_heads: KnownHeads = new Map();
  private used_ms = 0;

  constructor(address: Address, clock: Clock) {
    this.address = address;
    this.clock = clock;
  }

  /**
   * Sends one whole request and resolves to its answer, or rejects with NoAnswer. `request` must stay as it is until then.
   * One request at a time.
   */
  send(request: Uint8Array): Promise<HttpAnswer> {
    assert(this.exchange === undefined, 'BUG: a request was sent while another was in flight on its connection');
    const now_ms = this.clock.monotonicMs();
    if (this.socket !== undefined && now_ms - this.used_ms > IDLE_MS_MAX) this.close();
    this.socket ??= this.open();
    const { socket } = this;
    return new Promise((resolve, reject) => {
      this.exchange = { resolve, reject, started_ms: now_ms };
      socket.write(request);
    });
  }

  /** Gives up the request in flight if it began more than `answer_ms_max` ago; to be called now and then. */
  expire(answer_ms_max: number): void {
    const { exchange } = this;
    if (exchange === undefined || this.clock.monotonicMs() - exchange.started_ms <= answer_ms_max) return;
    this.fail(new NoAnswer('timeout', `no answer within ${answer_ms_max / 1000} s`));
  }

  /** Closes the connection; a request in flight is given up. */
  close(): void {
    this.fail(new NoAnswer('closed', 'the connection was closed'));
  }

  private open(): Socket {
    const socket = this.address.trust === undefined ? this.openPlain() : dial(this.address);
    if (this.address.trust !== undefined) socket.on('data', (fresh: Buffer) => this.receive(socket, fresh));
    socket.on('error', (error: Error & { code?: string }) => {
      if (socket === this.socket) this.fail(new NoAnswer(error.code ?? 'error', error.message, { cause: error }));
    });
    socket.on('close', () => {
      if (socket === this.socket) this.fail(new NoAnswer('closed', 'the server closed the connection without an answer'));
    });
    return socket;
  }

  /** All connections of a load receive into a buffer of their own, which costs less than one for each answer. */
  private openPlain(): Socket {
    const { host, port } = this.address;
    const callback = (bytes: number): boolean => this.receive(socket, this.received.subarray(0, bytes));
    const socket = connect({ host, port, noDelay: true, onread: { buffer: this.received, callback } });
    return socket;
  }

  /** Returns whether to go on reading. */
  private receive(socket: Socket, fresh: Buffer): boolean {
    if (socket !== this.socket) return false;
    const pending = this.partial === undefined ? fresh : Buffer.concat([this.partial, fresh]);
    const read = readAnswer(pending, this.known_heads);
    if (read.kind === 'incomplete') {
      this.partial = Buffer.from(pending);
      return true;
    }
    this.partial = undefined;
    if (read.kind === 'malformed') this.fail(new NoAnswer('malformed', `the server sent ${read.problem}`));
    else this.settle(socket, read.answer, read.bytes_used === pending.length);
    return true;
  }

  /** Hands out an answer; the socket is used again only if both sides stand at the end of a message. */
  private settle(socket: Socket, answer: HttpAnswer, whole: boolean): void {
    const { exchange } = this;
    this.exchange = undefined;
    this.used_ms = this.clock.monotonicMs();
    if (answer.last || !whole || exchange === undefined || socket.writableLength > 0) this.drop();
    exchange?.resolve(answer);
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
    this.partial = undefined;
    socket?.destroy();
  }
}

/** A socket to the address, encrypted where it says so. `connected` is called once, when the other side is who it should be. */
export function dial(address: Address, connected?: () => void): Socket {
  const { host, port, trust } = address;
  if (trust === undefined) return connect({ host, port, noDelay: true }, connected);
  return connectTls(tlsOptions(address, trust), connected).setNoDelay(true);
}

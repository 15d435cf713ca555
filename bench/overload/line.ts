/**
 * One keep-alive connection with one request in flight. It is to cost as little as Node lets it, since the crowd's core must offer more than the
 * daemon's takes: one write a request from bytes that are in the cache, one buffer for what all connections read, and an answer that is
 * the one of before to the byte is not parsed again.
 */
import { connect, type Socket } from 'node:net';
import { type HttpAnswer, readAnswer } from '../../src/cli/load/http_answer.ts';
import type { NumberedRequest } from './batch.ts';

/** The daemon closes an idle connection after some 10 s. */
const IDLE_MS_MAX = 5000;
const READ_BYTES = 64 * 1024;

export class Line {
  /** What it is about, while a request is under way. */
  serial = 0;
  due_ms = 0;
  written_ms = 0;
  tries = 0;
  private socket: Socket | undefined;
  private is_under_way = false;
  private used_ms = 0;
  /** The beginning of an answer that did not come at once. */
  private received: Buffer | undefined;

  constructor(private readonly crowd: LineOwner) {}

  /** Resolves when it is connected, or cannot be just now. */
  connect(): Promise<void> {
    const socket = this.open();
    this.socket = socket;
    this.used_ms = performance.now();
    return new Promise((resolve) => socket.once('connect', resolve).once('close', resolve));
  }

  send(now_ms: number): void {
    const { request } = this.crowd;
    this.is_under_way = true;
    if (this.socket !== undefined && now_ms - this.used_ms > IDLE_MS_MAX) this.drop(this.socket);
    this.used_ms = now_ms;
    this.socket ??= this.open();
    const bytes = request.take(this.serial);
    this.socket.write(bytes);
    this.written_ms = performance.now();
    // Else the system reads them later, perhaps behind an answer that refuses them: they are not written again.
    if (this.socket.writableLength === 0) request.giveBack(bytes);
  }

  close(): void {
    this.socket?.destroy();
  }

  private open(): Socket {
    const onread = { buffer: READ_BUFFER, callback: (bytes: number): boolean => this.receive(socket, READ_BUFFER.subarray(0, bytes)) };
    const socket: Socket = connect({ host: '127.0.0.1', port: this.crowd.port, noDelay: true, onread });
    socket.on('error', (error: Error & { code?: string }) => this.lose(socket, error.code ?? 'error'));
    socket.on('close', () => this.lose(socket, 'closed'));
    return socket;
  }

  private receive(socket: Socket, bytes: Buffer): boolean {
    const { known } = this.crowd;
    if (this.received === undefined && known.bytes?.equals(bytes)) {
      this.finish(known.answer);
      return true;
    }
    const received = this.received === undefined ? bytes : Buffer.concat([this.received, bytes]);
    const read = readAnswer(received);
    this.received = read.kind === 'incomplete' ? Buffer.from(received) : undefined;
    if (read.kind === 'malformed') this.lose(socket, 'malformed');
    if (read.kind !== 'answer') return true;
    if (read.answer.last) this.drop(socket);
    else if (read.answer.status === 202 && read.bytes_used === received.length)
      this.crowd.known = { bytes: Buffer.from(received), answer: read.answer };
    this.finish(read.answer);
    return true;
  }

  private lose(socket: Socket, reason: string): void {
    if (socket !== this.socket) return;
    this.drop(socket);
    this.finish(reason);
  }

  private drop(socket: Socket): void {
    this.socket = undefined;
    this.received = undefined;
    socket.destroy();
  }

  private finish(answer: HttpAnswer | string): void {
    if (!this.is_under_way) return;
    this.is_under_way = false;
    this.crowd.settle(this, answer);
  }
}

/** Reads are worked off one after the other. */
const READ_BUFFER = Buffer.alloc(READ_BYTES);

/** An acknowledgement, which all others are like. */
export interface KnownAnswer {
  readonly bytes: Buffer | undefined;
  readonly answer: HttpAnswer;
}

export interface LineOwner {
  readonly port: number;
  readonly request: NumberedRequest;
  known: KnownAnswer;
  /** An answer, or why there was none. */
  settle(line: Line, answer: HttpAnswer | string): void;
}

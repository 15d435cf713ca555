/** One keep-alive connection with one request in flight, whose bytes are made once. */
import { connect, type Socket } from 'node:net';
import { type HttpAnswer, readAnswer } from '../../src/cli/load/http_answer.ts';
import type { NumberedRequest } from './batch.ts';

/** An answer, or why there was none. */
type Settle = (answer: HttpAnswer | string) => void;

/** The daemon closes an idle connection after some 10 s. */
const IDLE_MS_MAX = 5000;

export class Line {
  private socket: Socket | undefined;
  private settle: Settle | undefined;
  private used_ms = 0;
  private received: Buffer = Buffer.alloc(0);

  constructor(
    private readonly port: number,
    private readonly request: NumberedRequest,
  ) {}

  /** Resolves when it is connected, or cannot be just now. */
  connect(): Promise<void> {
    const socket = this.open();
    this.socket = socket;
    this.used_ms = performance.now();
    return new Promise((resolve) => socket.once('connect', resolve).once('close', resolve));
  }

  send(serial: number, settle: Settle): void {
    this.settle = settle;
    this.request.setSerial(serial);
    const now_ms = performance.now();
    if (this.socket !== undefined && now_ms - this.used_ms > IDLE_MS_MAX) this.drop(this.socket);
    this.used_ms = now_ms;
    this.socket ??= this.open();
    this.socket.write(this.request.bytes);
  }

  private open(): Socket {
    const socket = connect({ host: '127.0.0.1', port: this.port, noDelay: true });
    socket.on('data', (bytes) => this.receive(socket, bytes));
    socket.on('error', (error: Error & { code?: string }) => this.lose(socket, error.code ?? 'error'));
    socket.on('close', () => this.lose(socket, 'closed'));
    return socket;
  }

  private receive(socket: Socket, bytes: Buffer): void {
    this.received = this.received.length === 0 ? bytes : Buffer.concat([this.received, bytes]);
    const read = readAnswer(this.received);
    if (read.kind === 'incomplete') return;
    this.received = Buffer.alloc(0);
    if (read.kind === 'malformed') {
      this.lose(socket, 'malformed');
      return;
    }
    if (read.answer.last) this.drop(socket);
    this.finish(read.answer);
  }

  private lose(socket: Socket, reason: string): void {
    if (socket !== this.socket) return;
    this.drop(socket);
    this.finish(reason);
  }

  private drop(socket: Socket): void {
    this.socket = undefined;
    this.received = Buffer.alloc(0);
    socket.destroy();
  }

  private finish(answer: HttpAnswer | string): void {
    const { settle } = this;
    this.settle = undefined;
    settle?.(answer);
  }
}

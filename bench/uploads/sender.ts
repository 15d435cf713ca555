/**
 * One upload as a process of its own: `node sender.js PORT KEY FORM BYTES SEED` makes the body, prints one line, a `Made`, waits until its
 * standard input ends, sends the body over a bare socket in one write, and prints another line, a `Sent`.
 */
import { connect } from 'node:net';
import { readAnswer } from '../../src/cli/load/http_answer.ts';
import { FORMS, longBody } from './bodies.ts';

export interface Made {
  readonly events: number;
  /** As it is sent, and as a reader sees it. */
  readonly sent_bytes: number;
  readonly unfolded_bytes: number;
}

export interface Sent {
  readonly status: number;
  readonly body: string;
  /** From before the connection to behind the answer. */
  readonly started_at_ms: number;
  readonly duration_ms: number;
  /** Processor time of this process meanwhile. */
  readonly cpu_us: number;
}

const [port, key, form_name, bytes, seed] = process.argv.slice(2);
const form = FORMS.find((name) => name === form_name) ?? 'json';
const body = longBody(form, Number(bytes), Number(seed));
const made: Made = { events: body.events, sent_bytes: body.bytes.length, unfolded_bytes: body.unfolded_bytes };
const head =
  `POST /api/deploy/report HTTP/1.1\r\nHost: 127.0.0.1\r\nx-api-key: ${key}\r\n${body.headers}` +
  `Content-Length: ${body.bytes.length}\r\n\r\n`;

process.stdin.on('end', send).resume();
process.stdout.write(`${JSON.stringify(made)}\n`);

function send(): void {
  const before = process.cpuUsage();
  const started_at_ms = Date.now();
  const started_ms = performance.now();
  const socket = connect({ host: '127.0.0.1', port: Number(port), noDelay: true });
  let received = Buffer.alloc(0);
  socket.on('error', (error) => {
    throw error;
  });
  socket.on('data', (chunk) => {
    received = Buffer.concat([received, chunk]);
    const read = readAnswer(received);
    if (read.kind === 'incomplete') return;
    const duration_ms = performance.now() - started_ms;
    const used = process.cpuUsage(before);
    const answer = read.kind === 'answer' ? read.answer : { status: 0, body: read.problem };
    const sent: Sent = { status: answer.status, body: answer.body, started_at_ms, duration_ms, cpu_us: used.user + used.system };
    process.stdout.write(`${JSON.stringify(sent)}\n`);
    socket.destroy();
  });
  socket.write(head);
  socket.write(body.bytes);
}

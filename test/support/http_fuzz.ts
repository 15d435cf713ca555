/**
 * Random HTTP requests to a running daemon: well-formed, damaged, cut into pieces, broken off; with random bodies. Whatever is answered
 * 202 is added up, so that at the end it can be held against the ledger and ClickHouse.
 */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import type { Owner, RunningDaemon } from './daemon.ts';
import { DaemonHome } from './daemon.ts';
import { HostileBodies } from './hostile_bodies.ts';
import { type SeededRandom, seededRandom } from './seeded_random.ts';
import { until } from './until.ts';

/** One connection after the other would wait for the disk most of the time. */
const CONNECTIONS = 16;
/** An answer that has not come by then is not waited for: damaged requests are left by the daemon after ten seconds only. */
const ANSWER_MS_MAX = 300;
const SETTLED_MS_MAX = 30_000;
/** Beyond what the daemon holds once it is warm. */
const GROWTH_BYTES_MAX = 128 * 2 ** 20;

const TARGETS = [
  '/api/deploy/report',
  '/api/deploy/report',
  '/api/deploy/report',
  '/livez',
  '/openapi.json',
  '/nothing',
  '/%ff?key=%00',
  '*',
];
const METHODS = ['POST', 'POST', 'POST', 'POST', 'GET', 'HEAD', 'PUT', 'OPTIONS', 'FOO', ''];
const HEADERS = [
  'Expect: 100-continue',
  'Connection: close',
  'Upgrade: websocket',
  'Content-Length: 5',
  'Content-Length: -1',
  'Content-Length: 99999999999999999999',
  'Transfer-Encoding: chunked',
  'Transfer-Encoding: identity',
  'Content-Type: text/html',
  'Content-Encoding: gzip, br',
  'Idempotency-Key: \u0001',
  `X-Large: ${'a'.repeat(3000)}`,
  ': nameless',
  'no colon',
];
const MEDIA_TYPES = ['application/json', 'application/x-ndjson', 'application/msgpack', 'text/plain', ''];
const CODINGS: readonly (readonly [name: string, (body: Buffer) => Buffer])[] = [
  ['', (body) => body],
  ['', (body) => body],
  ['gzip', (body) => gzipSync(body, { level: 1 })],
  ['deflate', (body) => deflateSync(body, { level: 1 })],
  ['br', (body) => brotliCompressSync(body, { params: {} })],
  ['br', (body) => body],
];

export interface FuzzOutcome {
  readonly requests: number;
  /** How many answers had each status; `none` where no answer came. */
  readonly answers: ReadonlyMap<string, number>;
  /** By the answers that came. */
  readonly acknowledged: number;
  readonly in_clickhouse: number;
}

export class HttpFuzz {
  private readonly random: SeededRandom;
  private readonly bodies: HostileBodies;
  private readonly answers = new Map<string, number>();
  private acknowledged = 0;
  private requests = 0;

  private constructor(
    private readonly home: DaemonHome,
    private readonly daemon: RunningDaemon,
    private readonly key: string,
    seed: number,
  ) {
    this.random = seededRandom(seed);
    this.bodies = new HostileBodies(this.random);
  }

  /** Starts a daemon, sends so many requests, and holds the books against ClickHouse; throws when they differ. */
  static async run(owner: Owner, options: { seed: number; requests: number }): Promise<FuzzOutcome> {
    const home = await DaemonHome.create(owner, { PENSTOCK_SPOOL__SEAL_AGE_MS_MAX: '200' });
    const key = await home.createKey('deploy');
    const daemon = await home.start();
    const fuzz = new HttpFuzz(home, daemon, key, options.seed);
    await fuzz.send(options.requests / 4);
    const warm_bytes = await fuzz.metric('process_resident_memory_bytes');
    await fuzz.send(options.requests - fuzz.requests);
    return fuzz.settle(warm_bytes);
  }

  private async send(requests: number): Promise<void> {
    let left = Math.round(requests);
    const worker = async (): Promise<void> => {
      while (left-- > 0) await this.sendOne();
    };
    await Promise.all(Array.from({ length: CONNECTIONS }, worker));
    assert.equal(this.daemon.child.exitCode, null, `the daemon died: ${this.daemon.stderr}`);
  }

  private async sendOne(): Promise<void> {
    const request = this.request();
    const { below } = this.random;
    const cuts = Array.from({ length: below(4) }, () => below(request.length + 1)).sort((left, right) => left - right);
    const breaks_off = below(10) === 0;
    this.requests++;
    const socket = connect(this.home.http_port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.setNoDelay(true);
    let answer = '';
    const answered = new Promise<void>((resolve) => {
      socket.on('data', (data) => {
        answer += data.toString('latin1');
        if (/\r\n\r\n./s.test(answer.replace(/^HTTP\/1\.1 100 Continue\r\n\r\n/, ''))) resolve();
      });
      socket.once('close', () => resolve());
      socket.setTimeout(ANSWER_MS_MAX, () => resolve());
    });
    for (const [index, end] of [...cuts, request.length].entries()) {
      socket.write(request.subarray(index === 0 ? 0 : cuts[index - 1], end));
      await nextTurn();
      if (breaks_off) break;
    }
    if (!breaks_off) await answered;
    socket.destroy();
    this.count(answer.replace(/^HTTP\/1\.1 100 Continue\r\n\r\n/, ''));
  }

  private count(answer: string): void {
    const status = /^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1] ?? 'none';
    this.answers.set(status, (this.answers.get(status) ?? 0) + 1);
    assert.notEqual(status, '500', answer);
    const [, accepted] = /^HTTP\/1\.1 202 .*\{"accepted":(\d+),"rejected":\d+\}$/s.exec(answer) ?? [];
    if (accepted !== undefined) this.acknowledged += Number(accepted);
  }

  private request(): Buffer {
    const { below, pick } = this.random;
    const is_plain = below(3) > 0;
    const [coding, encode] = is_plain ? CODINGS[0] : pick(CODINGS);
    const body = encode(this.bodies.next());
    const is_chunked = below(3) === 0;
    const media_type = is_plain ? 'application/json' : pick(MEDIA_TYPES);
    const lines = [
      `${is_plain ? 'POST' : pick(METHODS)} ${is_plain ? TARGETS[0] : pick(TARGETS)} HTTP/1.1`,
      'Host: h',
      `x-api-key: ${below(20) === 0 ? 'wrong' : this.key}`,
      ...(media_type === '' ? [] : [`Content-Type: ${media_type}`]),
      ...(coding === '' ? [] : [`Content-Encoding: ${coding}`]),
      is_chunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${body.length}`,
    ];
    if (below(8) === 0) lines.splice(1 + below(lines.length), 0, pick(HEADERS));
    const head = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
    const request = Buffer.concat([head, ...(is_chunked ? this.chunks(body) : [body])]);
    if (below(12) === 0) request[below(head.length)] = below(256);
    return request;
  }

  private chunks(body: Buffer): Buffer[] {
    const { below } = this.random;
    const parts: Buffer[] = [];
    for (let at = 0; at < body.length; ) {
      const part = body.subarray(at, at + 1 + below(body.length));
      parts.push(Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from('\r\n'));
      at += part.length;
    }
    return [...parts, Buffer.from('0\r\n\r\n')];
  }

  /** Waits until nothing is under way, and compares. */
  private async settle(warm_bytes: number): Promise<FuzzOutcome> {
    await until('nothing is in flight', SETTLED_MS_MAX, async () => (await this.metric('penstock_http_requests_in_flight')) === 0);
    assert.equal(await this.metric('penstock_http_body_bytes_in_flight'), 0);
    let books = await this.ledger();
    await until('all is delivered', SETTLED_MS_MAX, async () => {
      books = await this.ledger();
      return books.spooled === 0 && (await this.daemon.count('deploy_events')) === books.delivered;
    });
    const in_clickhouse = await this.daemon.count('deploy_events');
    assert.equal(books.accepted, in_clickhouse, 'the ledger and ClickHouse differ');
    assert.ok(in_clickhouse >= this.acknowledged, `${this.acknowledged} were acknowledged, ${in_clickhouse} are in ClickHouse`);
    const grown_bytes = (await this.metric('process_resident_memory_bytes')) - warm_bytes;
    assert.ok(grown_bytes < GROWTH_BYTES_MAX, `the daemon grew by ${grown_bytes} bytes`);
    assert.equal(this.daemon.stderr, '');
    return { requests: this.requests, answers: this.answers, acknowledged: this.acknowledged, in_clickhouse };
  }

  private async ledger(): Promise<{ accepted: number; delivered: number; spooled: number }> {
    const books: { accepted: number; delivered: number; spooled: number } = JSON.parse(
      await (await fetch(this.daemon.adminUrl('/ledger'))).text(),
    );
    return books;
  }

  private async metric(name: string): Promise<number> {
    const text = await (await fetch(this.daemon.adminUrl('/metrics'))).text();
    return Number(new RegExp(`^(?:penstock_)?${name}(?:\\{[^}]*\\})? (\\S+)$`, 'm').exec(text)?.[1]);
  }
}

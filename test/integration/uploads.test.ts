/** Bodies too large to be held, through the real daemon into the real engine. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { request } from 'node:http';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { createGzip } from 'node:zlib';
import { DaemonHome, type RunningDaemon } from '../support/daemon.ts';
import { until } from '../support/until.ts';

const REPORT = '/api/deploy/report';
const EVENTS_PER_PART = 1000;
const MIB = 2 ** 20;

function event(number: number): string {
  return `{"event_type":"apply_success","release_id":"rel_1","distinct_id":"device-${number}","platform":"ios","metadata":"{\\"first_render_ms\\":${number % 1000}}"}`;
}

/** The parts of a body of so many events, which all differ. */
function* batch(events: number): Generator<Buffer> {
  yield Buffer.from('{"before":1,"events":[');
  for (let first = 0; first < events; first += EVENTS_PER_PART) {
    const part = Array.from({ length: Math.min(EVENTS_PER_PART, events - first) }, (_, index) => event(first + index)).join(',');
    yield Buffer.from(first === 0 ? part : `,${part}`);
  }
  yield Buffer.from('],"after":{}}');
}

function* lines(events: number): Generator<Buffer> {
  for (let first = 0; first < events; first += EVENTS_PER_PART) {
    yield Buffer.from(
      Array.from({ length: Math.min(EVENTS_PER_PART, events - first) }, (_, index) => `${event(first + index)}\n`).join(''),
    );
  }
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

/** Sends a body of unknown length; breaks off after `parts_max` parts. */
function send(
  daemon: RunningDaemon,
  headers: Record<string, string>,
  body: Readable,
  parts_max = Number.POSITIVE_INFINITY,
): Promise<Answer | undefined> {
  return new Promise((resolve, reject) => {
    const outgoing = request(daemon.url(REPORT), { method: 'POST', headers, agent: false }, (incoming) => {
      let text = '';
      incoming.on('data', (chunk: Buffer) => {
        text += chunk.toString();
      });
      incoming.on('end', () => resolve({ status: incoming.statusCode ?? 0, body: text }));
      incoming.on('error', () => resolve({ status: incoming.statusCode ?? 0, body: text }));
    });
    outgoing.on('error', (error) => (parts_max === Number.POSITIVE_INFINITY ? reject(error) : resolve(undefined)));
    if (parts_max === Number.POSITIVE_INFINITY) {
      body.pipe(outgoing);
      return;
    }
    let parts = 0;
    body.on('data', (part: Buffer) => {
      outgoing.write(part);
      parts++;
      if (parts === parts_max) setTimeout(() => outgoing.destroy(), 100);
      if (parts >= parts_max) body.destroy();
    });
  });
}

async function residentBytes(pid: number | undefined): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
}

test('long bodies are taken whole or not at all, in every encoding, in bounded memory', async (context) => {
  const home = await DaemonHome.create(context);
  const key = await home.createKey('deploy');
  const daemon = await home.start();
  const headers = { 'x-api-key': key, 'Content-Type': 'application/json' };
  const counts = async (): Promise<{ rows: string; ids: string; sum: string }> => {
    const [row] = await daemon.query<{ rows: string; ids: string; sum: string }>(
      'SELECT toString(count()) AS rows, toString(uniqExact(event_id)) AS ids, toString(sum(metadata.first_render_ms::Int64)) AS sum FROM penstock.deploy_events',
    );
    return row;
  };

  await context.test('a batch of 250,000 events in one chunked body', async () => {
    const before_bytes = await residentBytes(daemon.child.pid);
    let peak_bytes = 0;
    const watch = setInterval(() => {
      void residentBytes(daemon.child.pid).then((bytes) => {
        peak_bytes = Math.max(peak_bytes, bytes);
      });
    }, 50);
    const answer = await send(daemon, headers, Readable.from(batch(250_000))).finally(() => clearInterval(watch));
    assert.deepEqual(answer, { status: 202, body: '{"accepted":250000,"rejected":0}' });
    assert.ok(peak_bytes - before_bytes < 256 * MIB, `${Math.round((peak_bytes - before_bytes) / MIB)} MiB more`);
    await until('all rows are there', 30_000, async () => (await daemon.count('deploy_events')) === 250_000);
    assert.deepEqual(await counts(), { rows: '250000', ids: '250000', sum: String(250 * ((999 * 1000) / 2)) });
  });

  await context.test('the same as lines and compressed has the same identities', async () => {
    const line_headers = { ...headers, 'Content-Type': 'application/x-ndjson' };
    assert.equal((await send(daemon, line_headers, Readable.from(lines(50_000))))?.body, '{"accepted":50000,"rejected":0}');
    const gzip_headers = { ...headers, 'Content-Encoding': 'gzip' };
    const compressed = Readable.from(batch(50_000)).pipe(createGzip());
    assert.equal((await send(daemon, gzip_headers, compressed))?.body, '{"accepted":50000,"rejected":0}');
    await until('all rows are there', 30_000, async () => (await daemon.count('deploy_events')) === 350_000);
    assert.equal((await counts()).ids, '250000');
  });

  await context.test('a small body that unfolds to a long one is a long one', async () => {
    const small = createGzip({ level: 9 });
    small.end(`{"events":[${Array(60_000).fill(event(1)).join(',')}]}`);
    const parts = await small.toArray();
    const answer = await daemon.post(REPORT, Buffer.concat(parts), { ...headers, 'Content-Encoding': 'gzip' });
    assert.deepEqual([answer.status, await answer.json()], [202, { accepted: 60_000, rejected: 0 }]);
    await until('all rows are there', 30_000, async () => (await daemon.count('deploy_events')) === 410_000);
  });

  await context.test('a body that breaks off, or is wrong at its end, leaves nothing', async () => {
    assert.equal(await send(daemon, headers, Readable.from(batch(200_000)), 150), undefined);
    const wrong = (function* () {
      yield* batch(50_000);
      yield Buffer.from(' and more');
    })();
    const answer = await send(daemon, headers, Readable.from(wrong));
    assert.equal(answer?.status, 400);
    assert.match(answer?.body ?? '', /not_json/);
    const bad_element = (function* () {
      yield Buffer.from('{"events":[');
      for (let number = 0; number < 50_000; number++) yield Buffer.from(`${event(number)},`);
      yield Buffer.from('{"event_type":nonsense}]}');
    })();
    assert.match((await send(daemon, headers, Readable.from(bad_element)))?.body ?? '', /not_json/);
    assert.equal((await daemon.post(REPORT, `{"events":[${event(1)}]}`, headers)).status, 202);
    await until('the row after them is there', 20_000, async () => (await daemon.count('deploy_events')) === 410_001);
  });
});

test('a long body beyond the limit is refused, announced, chunked or compressed, and one that a kill -9 interrupts leaves nothing', async (context) => {
  const home = await DaemonHome.create(context, { PENSTOCK_HTTP__BODY_BYTES_MAX: String(8 * MIB) });
  const key = await home.createKey('deploy');
  const daemon = await home.start();
  const headers = { 'x-api-key': key, 'Content-Type': 'application/json' };
  const bomb = createGzip({ level: 9 });
  bomb.end(`{"events":[${Array(100_000).fill(event(1)).join(',')}]}`);
  const unfolding = await daemon.post(REPORT, Buffer.concat(await bomb.toArray()), { ...headers, 'Content-Encoding': 'gzip' });
  assert.equal(unfolding.status, 413);
  assert.equal((await send(daemon, headers, Readable.from(batch(100_000))))?.status, 413);
  const stuck = Readable.from(
    (async function* () {
      let parts = 0;
      for (const part of batch(45_000)) {
        yield part;
        if (++parts === 40) await new Promise(() => undefined);
      }
    })(),
  );
  const answered = send(daemon, headers, stuck).catch(() => undefined);
  await until('the upload is staged', 10_000, async () => {
    const metrics = await (await fetch(daemon.adminUrl('/metrics'))).text();
    return /penstock_spool_bytes [1-9]/.test(metrics);
  });
  daemon.child.kill('SIGKILL');
  assert.equal(await answered, undefined);
  const again = await home.start();
  assert.equal((await again.post(REPORT, `{"events":[${event(-1)}]}`, headers)).status, 202);
  await until('the event after it is there', 20_000, async () => (await again.count('deploy_events')) === 1);
});

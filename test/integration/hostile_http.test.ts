/** Requests that no client library would send, byte by byte over sockets: each has its answer, and the daemon goes on. */
import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { DaemonHome, type RunningDaemon } from '../support/daemon.ts';
import { exchange } from '../support/raw_http.ts';
import { until } from '../support/until.ts';

const REPORT = '/api/deploy/report';
const NO_EVENTS = '{"events":[]}';
/** What the HTTP engine has compiled in is 10 s, looked at every 4 s; with room for a busy machine. */
const TIMEOUT_MS_MAX = 25_000;
const SPLITS_AT_ONCE = 30;

/** What is sent; a text that must be in what comes back before the connection ends, empty for nothing at all. */
type Case = readonly [name: string, sent: string, answer: string];

function bodyOf(device: string): string {
  return JSON.stringify({ events: [{ event_type: 'rollback', release_id: 'r', distinct_id: device }] });
}

function chunked(...chunks: readonly string[]): string {
  return chunks.map((chunk) => `${Buffer.byteLength(chunk).toString(16)}\r\n${chunk}\r\n`).join('');
}

/** Answered at once, and the connection ended by the daemon. `post` begins a report with a valid key. */
function refusedAtOnce(post: string): Case[] {
  const length = `Content-Length: ${NO_EVENTS.length}\r\n\r\n${NO_EVENTS}`;
  return [
    ['two lengths that agree', `${post}Content-Length: ${NO_EVENTS.length}\r\n${length}`, '"bad_request"'],
    ['two lengths that do not', `${post}Content-Length: 5\r\n${length}`, '"bad_request"'],
    ['a length and chunks', `${post}Transfer-Encoding: chunked\r\n${length}`, ' 400 '],
    ['another transfer coding', `${post}Transfer-Encoding: gzip, chunked\r\n\r\n`, '"bad_request"'],
    ['a negative length', `${post}Content-Length: -1\r\n\r\n${NO_EVENTS}`, ' 400 '],
    ['a length in hexadecimal', `${post}Content-Length: 0xd\r\n\r\n${NO_EVENTS}`, ' 400 '],
    ['a length with a space before the colon', `${post}Content-Length : 13\r\n\r\n${NO_EVENTS}`, ' 400 '],
    ['a length of 600 MB', `${post}Content-Length: 600000000\r\n\r\n`, '"body_too_large"'],
    ['a chunk size that is none', `${post}Transfer-Encoding: chunked\r\n\r\nzz\r\n${NO_EVENTS}\r\n0\r\n\r\n`, ' 400 '],
    ['a chunk size over 64 bits', `${post}Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n${NO_EVENTS}`, ' 400 '],
    ['trailers', `${post}Transfer-Encoding: chunked\r\n\r\n${chunked(NO_EVENTS)}0\r\nX-Trailer: 1\r\n\r\n`, ' 505 '],
    ['a head of more than 4096 bytes', `${post}X-Large: ${'a'.repeat(5000)}\r\n${length}`, ' 431 '],
    ['more than 100 headers', `${post}${'X-Many: 1\r\n'.repeat(150)}${length}`, ' 431 '],
    ['a key of 5000 bytes', `POST ${REPORT} HTTP/1.1\r\nHost: h\r\nx-api-key: ${'k'.repeat(5000)}\r\n${length}`, ' 431 '],
    ['a NUL in a header', `${post}X-Odd: a\u0000b\r\n${length}`, ' 400 '],
    ['a folded header', `${post}X-Odd: a\r\n b\r\n${length}`, ' 400 '],
    ['no Host', `POST ${REPORT} HTTP/1.1\r\n${length}`, ' 400 '],
    ['lines that end without CR', `POST ${REPORT} HTTP/1.1\nHost: h\n\n`, ' 505 '],
    ['HTTP/1.0', `POST ${REPORT} HTTP/1.0\r\nHost: h\r\n\r\n`, ' 505 '],
    ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', ' 505 '],
    ['an address with a host in it', 'GET http://h/livez HTTP/1.1\r\nHost: h\r\n\r\n', ' 505 '],
    ['the beginning of TLS', '\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc\u0003\u0003', ' 505 '],
  ];
}

/** Nothing more comes: the daemon ends the connection by itself, some ten seconds later. */
function keptWaiting(post: string): Case[] {
  return [
    ['nothing', '', ''],
    ['half a head', post.slice(0, 30), ''],
    ['half a body', `${post}Content-Length: 13\r\n\r\n{"ev`, ''],
    ['chunks without an end', `${post}Transfer-Encoding: chunked\r\n\r\n${chunked('{"ev')}`, ''],
    ['a chunk extension', `${post}Transfer-Encoding: chunked\r\n\r\nd;a=b\r\n${NO_EVENTS}\r\n0\r\n\r\n`, ''],
    ['an expectation, and no body', `${post}Expect: 100-continue\r\nContent-Length: 13\r\n\r\n`, ' 100 Continue'],
    ['a method that nobody knows', `FOO ${REPORT} HTTP/1.1\r\nHost: h\r\n\r\n`, '"method_not_allowed"'],
    ['a path that climbs', 'GET /../../etc/passwd HTTP/1.1\r\nHost: h\r\n\r\n', '"not_found"'],
    ['two keys, the last one wrong', `${post}x-api-key: wrong\r\nContent-Length: 13\r\n\r\n${NO_EVENTS}`, '"unauthorized"'],
    ['bytes above ASCII in a header', `${post}X-Odd: \u00ff\u00fe\r\nContent-Length: 13\r\n\r\n${NO_EVENTS}`, ' 202 '],
    ['an upgrade that nobody offers', `${post}Upgrade: h2c\r\nContent-Length: 13\r\n\r\n${NO_EVENTS}`, ' 202 '],
    ['no length and no body', `${post}\r\n`, '"not_json"'],
  ];
}

async function begin(daemon: RunningDaemon): Promise<Socket> {
  const socket = connect(Number(new URL(daemon.url('/')).port), '127.0.0.1');
  socket.on('error', () => undefined);
  socket.setNoDelay(true);
  await new Promise<void>((resolve) => socket.once('connect', resolve));
  return socket;
}

async function rejectAll(http_port: number, cases: readonly Case[]): Promise<void> {
  await Promise.all(
    cases.map(async ([name, sent, expected]) => {
      const answer = await exchange(http_port, [Buffer.from(sent, 'latin1')]);
      if (expected === '') assert.equal(answer, '', name);
      else assert.ok(answer.includes(expected), `${name}: ${answer}`);
      assert.doesNotMatch(answer.replace(/^HTTP\/1\.1 (100|202).*/, ''), /^HTTP\/1\.1 2/, name);
    }),
  );
}

test('requests that no client library would send', async (context) => {
  const home = await DaemonHome.create(context, { PENSTOCK_SPOOL__SEAL_AGE_MS_MAX: '100' });
  const key = await home.createKey('deploy');
  const daemon = await home.start();
  const post = `POST ${REPORT} HTTP/1.1\r\nHost: h\r\nx-api-key: ${key}\r\n`;
  let sent = 0;

  await context.test('what must not be read further is refused, and the connection ended', () =>
    rejectAll(home.http_port, refusedAtOnce(post)),
  );

  await context.test('a request split at any byte of its head, or of a chunked body, is the same request', async () => {
    const whole = (device: string): string[] => [
      `${post}Content-Length: ${bodyOf(device).length}\r\n\r\n${bodyOf(device)}`,
      `${post}Transfer-Encoding: chunked\r\n\r\n${chunked(...(bodyOf(device).match(/.{1,17}/g) ?? []))}0\r\n\r\n`,
    ];
    const sizes = whole('00000').map((request, kind) => (kind === 0 ? request.indexOf('\r\n\r\n') + 4 : request.length - 1));
    const splits = sizes.flatMap((size, kind) => Array.from({ length: size - 1 }, (_, at) => ({ kind, at: at + 1 })));
    for (let first = 0; first < splits.length; first += SPLITS_AT_ONCE) {
      const some = splits.slice(first, first + SPLITS_AT_ONCE);
      await Promise.all(
        some.map(async ({ kind, at }) => {
          const request = whole(String(sent++).padStart(5, '0'))[kind];
          const socket = await begin(daemon);
          const answered = new Promise<string>((resolve) => socket.once('data', (data) => resolve(data.toString())));
          socket.write(request.slice(0, at));
          await nextTurn();
          socket.write(request.slice(at));
          assert.match(await answered, /^HTTP\/1\.1 202 /, `split at ${at}`);
          socket.destroy();
        }),
      );
    }
    assert.ok(sent > 300, String(sent));
  });

  await context.test('requests behind one that is answered at once are answered in order', async () => {
    const socket = await begin(daemon);
    let answer = '';
    socket.on('data', (data) => (answer += data.toString()));
    socket.write('GET /livez HTTP/1.1\r\nHost: h\r\n\r\n'.repeat(3));
    await until('all three are answered', 5_000, () => answer.split('{"live":true}').length === 4);
    socket.destroy();
  });

  await context.test('a request behind one that waits for the disk ends the connection without an answer', async () => {
    const request = `${post}Content-Length: ${NO_EVENTS.length}\r\n\r\n${NO_EVENTS}`;
    assert.equal(await exchange(home.http_port, [request + request]), '');
  });

  await context.test('chunks that come after an early answer are thrown away', async () => {
    const socket = await begin(daemon);
    let answer = '';
    socket.on('data', (data) => (answer += data.toString()));
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.write(`POST ${REPORT} HTTP/1.1\r\nHost: h\r\nx-api-key: wrong\r\nTransfer-Encoding: chunked\r\n\r\n`);
    await until('it is answered', 5_000, () => answer.includes('"unauthorized"'));
    socket.write(chunked(...Array.from({ length: 50 }, () => 'x'.repeat(60_000))));
    await closed;
    assert.equal(answer.split('HTTP/1.1').length, 2, answer);
  });

  await context.test('an upload that breaks off leaves nothing, and a long one its connection to the next request', async () => {
    const event = `${bodyOf('broken').slice('{"events":['.length, -2)},`;
    const start = `{"events":[${event.repeat(Math.ceil(5_000_000 / event.length))}`;
    const broken = await begin(daemon);
    broken.write(`${post}Content-Length: 9000000\r\n\r\n`);
    await new Promise((resolve) => broken.write(start, resolve));
    broken.destroy();
    const body = JSON.stringify({ events: Array.from({ length: 1200 }, () => ({ release_id: 'x'.repeat(5000) })) });
    const uploaded = `${post}Content-Length: ${body.length}\r\n\r\n${body}`;
    const socket = await begin(daemon);
    let answer = '';
    socket.on('data', (data) => (answer += data.toString()));
    socket.write(uploaded);
    await until('the upload is answered', 20_000, () => answer.includes('{"accepted":0,"rejected":1200}'));
    socket.write('GET /livez HTTP/1.1\r\nHost: h\r\n\r\n');
    await until('the next request is answered', 5_000, () => answer.includes('{"live":true}'));
    socket.destroy();
  });

  await context.test('who keeps the daemon waiting is left after the timeouts of the engine', async () => {
    const began_ms = performance.now();
    await rejectAll(home.http_port, keptWaiting(post));
    assert.ok(performance.now() - began_ms < TIMEOUT_MS_MAX);
  });

  await context.test('of all that, what was acknowledged is kept and nothing else', async () => {
    await until('all is delivered', 10_000, async () => (await daemon.count('deploy_events')) >= sent);
    const [row] = await daemon.query<{ devices: number }>('SELECT toUInt32(uniqExact(distinct_id)) AS devices FROM deploy_events');
    assert.deepEqual([await daemon.count('deploy_events'), row.devices], [sent, sent]);
    const metrics = await (await fetch(daemon.adminUrl('/metrics'))).text();
    assert.match(metrics, /^penstock_http_requests_in_flight 0$/m);
    assert.match(metrics, /^penstock_http_body_bytes_in_flight 0$/m);
    assert.equal(daemon.stderr, '');
  });
});

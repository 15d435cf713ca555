/** Those who are told to come back can read it, however long the body is that they are sending, and their connection goes on. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, test } from 'node:test';
import { DaemonHome } from '../support/daemon.ts';
import { until } from '../support/until.ts';

const REPORT = '/api/deploy/report';
const ANSWER_MS_MAX = 10_000;
const CHUNK = 'x'.repeat(100_000);
const CHUNKS = 30;
const EVENT = { event_type: 'rollback', release_id: 'r', distinct_id: 'd' };

const home = await DaemonHome.create({ after }, { PENSTOCK_HTTP__BYTES_IN_FLIGHT_MAX: '4 MiB', PENSTOCK_HTTP__BODY_BYTES_MAX: '4000000' });
const key = await home.createKey('deploy');
const slow_key = await home.createKey('deploy', { limits: { events_per_second: 1, burst_seconds: 1 } });
const daemon = await home.start();

function report(events: number): string {
  return JSON.stringify({ events: Array.from({ length: events }, () => EVENT) });
}

/** The answer to a long body, of which nothing is read before all is sent, and then that to the next request on the connection. */
async function exchangeLong(head: string, parts: readonly string[]): Promise<string> {
  const socket = connect(home.http_port, '127.0.0.1').pause();
  const errors: unknown[] = [];
  socket.on('error', (error) => errors.push(error));
  await once(socket, 'connect');
  for (const part of [`${head}\r\n`, ...parts]) socket.write(part);
  await new Promise((resolve) => socket.write('', resolve));
  let text = '';
  socket.on('data', (data) => (text += String(data))).resume();
  await until('it is answered', ANSWER_MS_MAX, () => text.includes('"ok":false') || errors.length > 0);
  socket.write('GET /livez HTTP/1.1\r\nHost: h\r\n\r\n');
  await until('the next request is answered', ANSWER_MS_MAX, () => text.includes('HTTP/1.1 200') || errors.length > 0);
  socket.destroy();
  assert.deepEqual(errors, []);
  return text;
}

/** A body with its length, and one in chunks. */
async function answersTo(own_key: string, more = ''): Promise<string[]> {
  const head = `POST ${REPORT} HTTP/1.1\r\nHost: h\r\nx-api-key: ${own_key}\r\n${more}`;
  const chunks = Array.from({ length: CHUNKS }, () => `${CHUNK.length.toString(16)}\r\n${CHUNK}\r\n`);
  return [
    await exchangeLong(
      `${head}Content-Length: ${CHUNK.length * CHUNKS}\r\n`,
      Array.from({ length: CHUNKS }, () => CHUNK),
    ),
    await exchangeLong(`${head}Transfer-Encoding: chunked\r\n`, [...chunks, '0\r\n\r\n']),
  ];
}

test('a long body of a key beyond its rate is answered 429, with the time to come back', async () => {
  assert.equal((await daemon.post(REPORT, report(50), { 'x-api-key': slow_key })).status, 202);
  for (const answer of await answersTo(slow_key)) assert.match(answer, /^HTTP\/1\.1 429 [\s\S]*Retry-After: \d+\r\n[\s\S]*rate_limited/);
});

test('a long body for which there is no room in memory is answered 503, with the time to come back, and holds nothing', async () => {
  const other = connect(home.http_port, '127.0.0.1');
  other.write(`POST ${REPORT} HTTP/1.1\r\nHost: h\r\nx-api-key: ${key}\r\nContent-Length: 3900000\r\n\r\n${CHUNK.repeat(30)}`);
  const bytes_in_flight = async (): Promise<number> => {
    const metrics = await (await fetch(daemon.adminUrl('/metrics'))).text();
    return Number(/^penstock_http_body_bytes_in_flight (\d+)$/m.exec(metrics)?.[1]);
  };
  await until('the other body has arrived', ANSWER_MS_MAX, async () => (await bytes_in_flight()) === 3_000_000);
  for (const answer of await answersTo(key)) assert.match(answer, /^HTTP\/1\.1 503 [\s\S]*Retry-After: \d+\r\n[\s\S]*overloaded/);
  assert.equal(await bytes_in_flight(), 3_000_000);
  other.destroy();
  await until('nothing is in flight', ANSWER_MS_MAX, async () => (await bytes_in_flight()) === 0);
});

test('a long body of a media type that is not taken is answered 415', async () => {
  for (const answer of await answersTo(key, 'Content-Type: text/html\r\n')) assert.match(answer, /^HTTP\/1\.1 415 /);
});

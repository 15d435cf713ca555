/** The events that `load` sends: a function of the seed, all different, and what the service's clients really send. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventStream } from '../../../src/cli/load/event_stream.ts';
import { EVENT_BYTES_MAX } from '../../../src/cli/load/event_template.ts';
import { RequestBuffer } from '../../../src/cli/load/request_buffer.ts';

const HEAD = 'POST /api/deploy/report HTTP/1.1\r\nContent-Length: ';
const OPTIONAL_FIELDS = ['app_version', 'bundle_label', 'platform', 'os_version', 'device_model', 'metadata'];
/** A rollback that the server asks for; it may overtake what the device was about to report. */
const RECALL = 'recall';
const FIELDS = ['event_type', 'release_id', 'distinct_id', ...OPTIONAL_FIELDS];

interface Event {
  readonly event_type: string;
  readonly release_id: string;
  readonly distinct_id: string;
  readonly metadata: string;
}

/** The texts of the first `count` events of a fleet. */
function eventTexts(seed: number, devices: number, count: number): string[] {
  const stream = new EventStream(seed, devices);
  const room = Buffer.alloc(EVENT_BYTES_MAX);
  return Array.from({ length: count }, () => room.toString('utf8', 0, stream.write(room, 0)));
}

function events(seed: number, devices: number, count: number): Event[] {
  return eventTexts(seed, devices, count).map((text): Event => JSON.parse(text));
}

/** The head and the parsed body of a request. */
function parseRequest(request: Uint8Array): { head: string; body_text: string; body: { events: Event[] } } {
  const [head = '', body_text = ''] = Buffer.from(request).toString('latin1').split('\r\n\r\n');
  return { head, body_text, body: JSON.parse(body_text) };
}

test('the same seed makes the same bytes, and another seed makes others', () => {
  assert.deepEqual(eventTexts(7, 500, 5000), eventTexts(7, 500, 5000));
  const of_seed_7 = new Set(eventTexts(7, 500, 5000));
  assert.equal(eventTexts(8, 500, 5000).filter((text) => of_seed_7.has(text)).length, 0);
});

test('seeds that differ only above 32 bits make different events', () => {
  assert.notDeepEqual(eventTexts(7, 500, 10), eventTexts(7 + 2 ** 32, 500, 10));
});

test('the events do not depend on how they are cut into batches', () => {
  const of_tens = new RequestBuffer(HEAD, 10);
  const of_hundreds = new RequestBuffer(HEAD, 100);
  const [stream, other_stream] = [new EventStream(3, 1000), new EventStream(3, 1000)];
  const ten_times = Array.from({ length: 10 }, () => parseRequest(of_tens.fill(stream, 10)).body.events).flat();
  assert.deepEqual(ten_times, parseRequest(of_hundreds.fill(other_stream, 100)).body.events);
});

for (const devices of [1, 7, 1000, 100_000]) {
  test(`no two events of a fleet of ${devices} are equal`, () => {
    const count = 20_000;
    assert.equal(new Set(eventTexts(11, devices, count)).size, count);
  });
}

test('as many devices take part as were asked for', () => {
  const distinct = (devices: number): number => new Set(events(5, devices, devices * 20).map((event) => event.distinct_id)).size;
  assert.deepEqual([1, 2, 7, 1000].map(distinct), [1, 2, 7, 1000]);
});

test('an event has the fields of the reference, all of them strings that are not empty', () => {
  for (const event of events(1, 2000, 20_000)) {
    assert.deepEqual(Object.keys(event), FIELDS);
    for (const value of Object.values(event)) assert.ok(typeof value === 'string' && value !== '', JSON.stringify(event));
    assert.match(event.release_id, /^rel_[a-z0-9]{7}$/);
  }
});

test('each type of event carries the metadata of the reference', () => {
  const shapes = new Set<string>();
  for (const event of events(1, 2000, 30_000)) {
    const metadata: Record<string, unknown> = JSON.parse(event.metadata);
    const types = Object.entries(metadata).map(([name, value]) => `${name} ${value === null ? 'null' : typeof value}`);
    shapes.add([event.event_type, ...types].join(', '));
  }
  assert.deepEqual([...shapes].sort(), [
    'apply_success, prev_label string, first_render_ms number',
    'crash_on_update, stack_trace string, first_render_ms null, retry_count number, time_to_crash_ms number',
    'download_complete, download_ms number, retried boolean',
    'rollback, reason string, crash_count number',
    'rollback, reason string, forced boolean',
  ]);
});

test('a device reports a release in the order of its life', () => {
  const lives = new Map<string, string[]>();
  for (const event of events(2, 300, 20_000)) {
    const life = `${event.distinct_id} ${event.release_id}`;
    lives.set(life, [...(lives.get(life) ?? []), event.metadata.includes('kill_switch') ? RECALL : event.event_type]);
  }
  const life_so_far = /^download_complete( apply_success( crash_on_update( crash_on_update( rollback)?)?)?)?$/;
  for (const life of lives.values()) assert.match(life.filter((step) => step !== RECALL).join(' '), life_so_far);
  assert.ok([...lives.values()].some((life) => life.includes(RECALL)));
});

test('releases differ in how often they crash', () => {
  const counts = new Map<string, { installs: number; crashes: number }>();
  for (const event of events(4, 1000, 50_000)) {
    const release = event.release_id;
    const count = counts.get(release) ?? { installs: 0, crashes: 0 };
    if (event.event_type === 'apply_success') count.installs += 1;
    if (event.event_type === 'crash_on_update') count.crashes += 1;
    counts.set(release, count);
  }
  const rates = [...counts.values()].filter((count) => count.installs > 100).map((count) => count.crashes / count.installs);
  assert.ok(rates.some((rate) => rate < 0.01) && rates.some((rate) => rate > 0.05), rates.join(' '));
});

test('an event is about 268 bytes long', () => {
  const texts = eventTexts(1, 100_000, 50_000);
  const mean_bytes = texts.reduce((sum, text) => sum + text.length, 0) / texts.length;
  assert.ok(mean_bytes > 255 && mean_bytes < 285, `${mean_bytes}`);
});

test('a request says the true length of its body, whatever the buffer held before', () => {
  const buffer = new RequestBuffer(HEAD, 3);
  const stream = new EventStream(1, 1000);
  for (const count of [3, 1, 200, 2]) {
    const { head, body_text, body } = parseRequest(buffer.fill(stream, count));
    assert.equal(head, `${HEAD}${body_text.length}`);
    assert.equal(body.events.length, count);
  }
});

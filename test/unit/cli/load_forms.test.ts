/** How `load` writes what it sends. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unpack } from 'msgpackr';
import { bodyForm } from '../../../src/cli/load/body_form.ts';
import type { Connection } from '../../../src/cli/load/connection.ts';
import { FlakyConnection } from '../../../src/cli/load/flaky_connection.ts';
import { NoAnswer } from '../../../src/cli/load/http_connection.ts';
import { writeMessagePack } from '../../../src/cli/load/message_pack_writer.ts';
import { RequestBuffer } from '../../../src/cli/load/request_buffer.ts';
import { LOAD_COMMAND } from '../../../src/cli/load.ts';
import { ManualClock } from '../../support/manual_clock.ts';
import { seededRandom } from '../../support/seeded_random.ts';
import { runOnce } from './terminal.ts';

const VALUES: readonly unknown[] = [
  ...[null, true, false, 0, 127, 128, -1, 65_536, 2 ** 31 - 1, -(2 ** 31), 2 ** 31, 2 ** 53 - 1, 1.5, ''],
  ...['x'.repeat(31), 'x'.repeat(32), 'x'.repeat(255), 'ü'.repeat(200), 'x'.repeat(70_000)],
  ...[[], Array(15).fill(1), Array(16).fill('a'), Array(70_000).fill(null), {}, { a: { b: [1, { c: null }] } }],
  Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`name${index}`, index])),
];
test('MessagePack of a load reads back as what was written', () => {
  for (const value of VALUES) assert.deepEqual(unpack(writeMessagePack(value)), value);
});

test('a message of a stream begins with its number and is the same document packed', () => {
  const event = Buffer.from('{"a":"b"}');
  const events = {
    write: (into: Uint8Array, offset: number): number => {
      into.set(event, offset);
      return offset + event.length;
    },
  };
  const plain = new RequestBuffer('', 2, bodyForm('json', 'ws')).fill(events, 2, 7);
  assert.equal(Buffer.from(plain).toString(), '{"seq":7,"events":[{"a":"b"},{"a":"b"}]}');
  const packed = new RequestBuffer('', 2, bodyForm('msgpack', 'ws')).fill(events, 2, 7);
  assert.deepEqual(unpack(packed), { seq: 7, events: [{ a: 'b' }, { a: 'b' }] });
  const lines = new RequestBuffer('Content-Length: ', 2, bodyForm('ndjson', 'http')).fill(events, 2);
  assert.equal(Buffer.from(lines).toString(), 'Content-Length: 20\r\n\r\n{"a":"b"}\n{"a":"b"}\n');
});

test('a flaky network loses answers to what was stored, and breaks connections', async () => {
  const seen: number[] = [];
  let closed = 0;
  const answer = { status: 202, body: '', retry_after_s: undefined, last: false };
  const inner: Connection = {
    send: async (_bytes, seq) => {
      seen.push(seq);
      return answer;
    },
    expire: () => undefined,
    close: () => closed++,
  };
  const clock = new ManualClock(0);
  const flaky = new FlakyConnection(inner, { clock, random: seededRandom(3) });
  let lost = 0;
  for (let seq = 0; seq < 200; seq++) {
    const sending = flaky.send(new Uint8Array(0), seq).catch((error: unknown) => {
      assert.ok(error instanceof NoAnswer);
      lost++;
    });
    clock.advance(1000);
    await sending;
  }
  assert.deepEqual(
    seen,
    Array.from({ length: 200 }, (_, seq) => seq),
  );
  assert.ok(lost > 5 && lost < 40, `${lost} answers lost`);
  assert.ok(closed > lost);
});

test('an encoding that messages of a stream do not have is a wrong usage', async () => {
  const { code, stderr } = await runOnce(
    ['load', '--key', 'k', '--url', 'http://127.0.0.1:1', '--transport', 'ws', '--encoding', 'gzip'],
    [LOAD_COMMAND],
  );
  assert.equal(code, 2);
  assert.match(stderr, /--encoding must be one of json, msgpack, not "gzip"/);
});

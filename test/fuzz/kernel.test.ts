/** The kernel's path and the slow path alone must answer the same, byte for byte. `npm run test:kernel` compares a million bodies. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KernelComparison } from '../support/kernel_comparison.ts';

const CASES = 20_000;
const SEED = 20_261_121;
const EVENT = '{"event_type":"rollback","release_id":"r","distinct_id":"d","platform":"ios","metadata":"{\\"a\\":1}"}';
const EVENT_BYTES_MAX = 1 << 20;

test(`${CASES} bodies, valid, nearly valid and hostile (seed=${SEED})`, () => {
  const comparison = new KernelComparison(SEED);
  for (let cases = 0; cases < CASES; ) cases += comparison.step();
  const { failed, accepted, rejected } = comparison.seen;
  // The test means something only if there is enough of each.
  assert.ok(failed > CASES / 20 && accepted > CASES / 2 && rejected > CASES / 50, JSON.stringify(comparison.seen));
});

test('every byte value at every place of a small body, and every proper prefix', () => {
  const comparison = new KernelComparison(0);
  const body = Buffer.from(`{"events":[${EVENT}]}`);
  for (let at = 0; at < body.length; at++) {
    const damaged = Array.from({ length: 256 }, (_, byte) => {
      const copy = Buffer.from(body);
      copy[at] = byte;
      return copy;
    });
    comparison.compare([...damaged, body.subarray(0, at)], EVENT_BYTES_MAX);
  }
});

test('strings at and around powers of two, in every field', () => {
  const comparison = new KernelComparison(0);
  for (let power = 0; power <= 17; power++) {
    const bodies = [-1, 0, 1].flatMap((more) => {
      const length = Math.max(0, 2 ** power + more);
      return ['x', 'é', '\\n', '\\ud83d\\ude00'].flatMap((piece) => {
        const text = piece.repeat(length);
        const event = `{"event_type":"rollback","release_id":"r","distinct_id":"d","platform":"${text}","metadata":{"k":"${text}"}}`;
        const long_id = `{"event_type":"rollback","release_id":"${text}","distinct_id":"d"}`;
        return [Buffer.from(`{"events":[${event},${EVENT},${long_id}]}`), Buffer.from(`{"${text}":"${text}","events":[${EVENT}]}`)];
      });
    });
    comparison.compare(bodies, EVENT_BYTES_MAX);
  }
});

test('a body that fails late takes back the rows and the dictionary entries of its earlier events', () => {
  const comparison = new KernelComparison(0);
  const event = (name: string): string => `{"event_type":"rollback","release_id":"r","distinct_id":"d","platform":"${name}"}`;
  const good = Buffer.from(`{"events":[${event('kept')},${event('kept too')}]}`);
  const many = Array.from({ length: 300 }, (_, index) => event(`lost ${index}`)).join();
  const late = ['', ']', ']}x', ',{]}', ',{"a":1}', ',7],"events":[]}', '],"a":tru}', ',"\\x"]}'];
  comparison.compare([good, ...late.flatMap((end) => [Buffer.from(`{"events":[${many}${end}`), good])], EVENT_BYTES_MAX);
});

const PLATFORM = '"platform":"ios"';
const USUAL_EVENT = `{"event_type":"apply_success","release_id":"rel_1","distinct_id":"dev_00000000456bf791",${PLATFORM},"metadata":"{\\"a_ms\\":123,\\"b\\":\\"x\\",\\"c\\":true}"}`;
const USUAL_BODY = Buffer.from(`{"events":[${USUAL_EVENT},${USUAL_EVENT.replace('rel_1', 'rel_2')}]}`);
const SPACED_BODY = Buffer.from(
  USUAL_BODY.toString()
    .replaceAll(/(?<=")([:,])/g, '$1 ')
    .replaceAll('},{', '}, {'),
);

test('a body that breaks off is read to its end, whatever lies behind it: its own rest as the next body, or another', () => {
  for (const body of [USUAL_BODY, SPACED_BODY]) {
    const comparison = new KernelComparison(0);
    for (let at = 0; at <= body.length; at++) {
      const [start, rest] = [body.subarray(0, at), body.subarray(at)];
      comparison.compare([body, start, rest, body, start, body], EVENT_BYTES_MAX);
      comparison.compare([start], EVENT_BYTES_MAX);
    }
    const { failed, accepted } = comparison.seen;
    assert.ok(failed >= 4 * body.length && accepted > 6 * body.length, JSON.stringify(comparison.seen));
  }
});

test('every byte value at every place of a body of the usual shape, whose texts and shapes are known', () => {
  const comparison = new KernelComparison(0);
  const damage = (body: Buffer, at: number): void => {
    const damaged = Array.from({ length: 256 }, (_, byte) => {
      const copy = Buffer.from(body);
      copy[at] = byte;
      return copy;
    });
    comparison.compare([body, ...damaged, body], EVENT_BYTES_MAX);
  };
  for (let at = 0; at < USUAL_EVENT.length; at++) damage(USUAL_BODY, at + '{"events":['.length);
  // One with spaces only differs around them.
  for (const [at, byte] of SPACED_BODY.entries()) if (byte === 0x20) for (const place of [at - 1, at, at + 1]) damage(SPACED_BODY, place);
});

test('texts of every length from 0 to 300 in every column, next to ones that begin alike, at every alignment', () => {
  const comparison = new KernelComparison(0);
  for (let length = 0; length <= 300; length++) {
    const bodies = ['', 'y', '\\n', 'é'].flatMap((end) => {
      const text = 'x'.repeat(length) + end;
      const event = USUAL_EVENT.replace(PLATFORM, `"platform":"${text}","app_version":"${text}"`);
      const others = event.replace('dev_00000000456bf791', text || 'd').replace('\\"x\\"', `\\"${text.replace('\\n', '')}\\"`);
      return [Buffer.from(`${' '.repeat(length % 17)}{"events":[${event},${others},${event}]}`)];
    });
    comparison.compare([...bodies, ...bodies], EVENT_BYTES_MAX);
  }
});

test('an event that fails behind texts that are new takes them back, and the events around it stay as they are', () => {
  const comparison = new KernelComparison(0);
  const event = (platform: string, rest: string): string =>
    `{"event_type":"rollback","release_id":"r","distinct_id":"d","platform":"${platform}","metadata":"{}"${rest}}`;
  const bodies = ['', ',"event_id":"x"', ',"platform":"x"', ',"app_version":7', ',"app_version":tru', ',"app_version"', ',"a":1,'].map(
    (rest) => {
      const events = Array.from({ length: 200 }, (_, index) => event(`p ${index >> 1}`, index % 2 === 0 ? rest : ''));
      return Buffer.from(`{"events":[${[...events, ...events.map((each) => each.replace('"p ', '"q ')).reverse()].join()}]}`);
    },
  );
  for (const body of bodies) comparison.compare([body, USUAL_BODY, body], EVENT_BYTES_MAX);
  comparison.compare(bodies, 100);
});

test('among hundreds of events, of which some are alike, those that are left to the host stand where they came', () => {
  const comparison = new KernelComparison(0);
  const bodies = [1, 3, 63, 64, 65, 129].map((every) => {
    const uncommon = USUAL_EVENT.replace('"platform"', '"pl\\u0061tform"');
    const events = Array.from({ length: 300 }, (_, index) => (index % every === every - 1 ? uncommon : USUAL_EVENT));
    return Buffer.from(`{"events":[${events.join()}]}`);
  });
  for (const body of bodies) comparison.compare([body, USUAL_BODY, body], EVENT_BYTES_MAX);
  assert.equal(comparison.seen.accepted, bodies.length * 602);
});

test('in a run of events, each that is too long, lacks something or has more than it may is judged for itself', () => {
  const comparison = new KernelComparison(0);
  const bytes_max = USUAL_EVENT.length + 4;
  const others = [
    USUAL_EVENT.replace('dev_', 'device_'),
    USUAL_EVENT.replace('dev_', 'a_longer_id_'),
    USUAL_EVENT.replace('"release_id":"rel_1",', ''),
    USUAL_EVENT.replace(`${PLATFORM},`, ''),
    USUAL_EVENT.replace(PLATFORM, '"release_id":"r"'),
    USUAL_EVENT.replace(/,"metadata".*/, '}'),
    USUAL_EVENT.replace(/}$/, ',"a":1}'),
    USUAL_EVENT.replace(/}$/, ' }'),
    USUAL_EVENT.replace('{', '{ '),
    USUAL_EVENT.replace(/^{"event_type":"apply_success",(.*)}$/, '{$1,"event_type":"apply_success"}'),
  ];
  const bodies = others.flatMap((other) =>
    [1, 2, 63, 64, 65].map((before) => {
      const events = Array.from({ length: 130 }, (_, index) => (index % (before + 1) === before ? other : USUAL_EVENT));
      return Buffer.from(`{"events":[${events.join()}]}`);
    }),
  );
  for (const body of bodies) comparison.compare([body, USUAL_BODY, body], bytes_max);
  const long_run = Buffer.from(`{"events":[${Array.from({ length: 5000 }, () => USUAL_EVENT).join()}]}`);
  comparison.compare([long_run, USUAL_BODY, long_run], bytes_max);
});

test('bytes that are no UTF-8 fail a body wherever they stand, and however far it was read by then; UTF-8 does not', () => {
  const comparison = new KernelComparison(0);
  const uncommon = USUAL_EVENT.replace('"platform"', '"pl\\u0061tform"');
  const events = Array.from({ length: 150 }, (_, index) => (index === 100 ? uncommon : USUAL_EVENT));
  const marked = (index: number, text: string): string => `{"events":[${events.with(index, text).join()}]}`;
  const marked_event = USUAL_EVENT.replace('rel_1', 'rel_@');
  const bodies = [
    ...[0, 63, 99, 101, 149].map((index) => marked(index, marked_event)),
    marked(50, USUAL_EVENT.replace('"x', '"@')),
    marked(50, USUAL_EVENT.replace('{', '{"@":"@",')),
    marked(50, USUAL_EVENT.replace('{', '{"a":"@",')),
    marked(50, USUAL_EVENT.replace(/}$/, ',"a":"@"}')),
    marked(50, USUAL_EVENT.replace(/}$/, ',"event_id":"@"}')),
    marked(50, USUAL_EVENT.replace('rel_1', 'rel_@').replace(/}$/, ',"event_id":"x"}')),
    marked(100, uncommon.replace('rel_1', 'rel_@')),
    marked(100, '{"a":"@"}'),
    marked(0, USUAL_EVENT).replace('{', '{"a":"@",'),
    marked(0, USUAL_EVENT).replace(/}$/, ',"@":1}'),
    '{"@":1,"events":[]}',
    '{"events":[],"a":"@"}',
  ];
  const pieces = [[0xc3, 0xa9], [0xf0, 0x9f, 0x98, 0x80], [0xff], [0xc3], [0x80], [0xed, 0xa0, 0x80], [0xc0, 0x80]];
  for (const body of bodies) {
    const [start, ...rest] = body.split('@');
    const variants = pieces.map((piece) =>
      Buffer.concat([Buffer.from(start ?? ''), ...rest.flatMap((part) => [Buffer.from(piece), Buffer.from(part)])]),
    );
    comparison.compare([USUAL_BODY, ...variants, USUAL_BODY, ...variants], EVENT_BYTES_MAX);
  }
  assert.equal(comparison.seen.failed, bodies.length * 5 * 2);
});

test('shapes of metadata that begin with the same key take turns', () => {
  const comparison = new KernelComparison(0);
  const values = ['1,"b":"x"', '-0.5,"c":1', '"x","b":"x"', 'null', '01', '-', '1.', '"é","b":"x"'];
  const bodies = [2, 3, values.length].map((count) => {
    const events = Array.from({ length: 100 }, (_, index) => {
      const metadata = `{"a":${values[index % count]}}`;
      return USUAL_EVENT.replace(/"metadata".*/, `"metadata":${index % 4 < 2 ? JSON.stringify(metadata) : metadata}}`);
    });
    return Buffer.from(events.join('\n'));
  });
  comparison.compare(
    [...bodies, ...bodies],
    EVENT_BYTES_MAX,
    [...bodies, ...bodies].map(() => 'ndjson'),
  );
});

test('numbers of every length, with signs, zeros and fractions, in metadata whose shape is known', () => {
  const comparison = new KernelComparison(0);
  const digits = Array.from({ length: 24 }, (_, length) => '1234567890'.repeat(3).slice(0, length));
  const numbers = ['', '-', '0', '-0', '--', '.', '0.', '-1.', '+', '/'].flatMap((start) => digits.map((rest) => start + rest));
  const metadata = (number: string): string => `{"ms":${number},"retried":false}`;
  const event = (text: string, index: number): string =>
    USUAL_EVENT.replace(/"metadata".*/, `"metadata":${index % 2 === 0 ? JSON.stringify(text) : text}}`);
  const known = [1, 2].map((number, index) => event(metadata(`${number}`), index));
  const bodies = [0, 1].map((form) => {
    const lines = numbers.flatMap((number) => [
      ...known,
      event(metadata(number), form),
      event(`{"ms":"${number}","retried":${number}}`, form),
    ]);
    return Buffer.from(lines.join('\n'));
  });
  comparison.compare([...bodies, ...bodies], EVENT_BYTES_MAX, ['ndjson', 'ndjson', 'ndjson', 'ndjson']);
  assert.ok(comparison.seen.accepted > 4 * numbers.length * 2, JSON.stringify(comparison.seen));
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Packr, unpack } from 'msgpackr';
import { ElementWindow } from '../../../../src/kernel/element_window.ts';
import type { Cutter, CutterLimits } from '../../../../src/pipeline/uploads/cutter.ts';
import { JsonCutter } from '../../../../src/pipeline/uploads/json_cutter.ts';
import { LineCutter } from '../../../../src/pipeline/uploads/line_cutter.ts';
import { PackCutter } from '../../../../src/pipeline/uploads/pack_cutter.ts';
import { type SeededRandom, seededRandom } from '../../../support/seeded_random.ts';

const LIMITS: CutterLimits = { piece_bytes_max: 64, event_bytes_max: 1000 };

const packr = new Packr({ useRecords: false, variableMapSize: true });

interface Cut {
  readonly pieces: string[];
  readonly problem: string | undefined;
  readonly too_large: number;
}

/** Cuts a body that arrives in parts of the given length. */
function cut(cutter: Cutter, body: Uint8Array | string, part_bytes: () => number): Cut {
  const bytes = Buffer.from(body);
  const pieces: string[] = [];
  const take = (piece: Uint8Array): number => pieces.push(Buffer.from(piece).toString());
  let problem: string | undefined;
  for (let at = 0; at < bytes.length && problem === undefined; ) {
    const length = part_bytes();
    const part = Uint8Array.from(bytes.subarray(at, at + length));
    problem = cutter.push(part, take);
    part.fill(0);
    at += length;
  }
  problem ??= cutter.end(take);
  return { pieces, problem, too_large: cutter.events_too_large };
}

function cutJson(body: Uint8Array | string, part_bytes = (): number => 1 << 20, limits = LIMITS): Cut {
  return cut(new JsonCutter('events', limits, new ElementWindow()), body, part_bytes);
}

function eventsOf(pieces: readonly string[]): unknown[] {
  return pieces.flatMap((piece) => {
    const { events }: { events: unknown[] } = JSON.parse(piece);
    return events;
  });
}

function randomEvent(random: SeededRandom, depth = 0): unknown {
  switch (random.below(depth > 2 ? 5 : 7)) {
    case 0:
      return random.below(1e6) - 5e5;
    case 1:
      return random.pick(['', '"', '\\', '\\"', '[', ']', '{"events":[', '},{', 'é€😀', '\u0000\n', 'a'.repeat(random.below(90))]);
    case 2:
      return null;
    case 3:
      return random.fraction() < 0.5;
    case 4:
      return random.fraction();
    case 5:
      return Array.from({ length: random.below(4) }, () => randomEvent(random, depth + 1));
    default:
      return Object.fromEntries(
        Array.from({ length: random.below(4) }, () => [random.pick(['events', 'a', '\\', '"', 'é']), randomEvent(random, depth + 1)]),
      );
  }
}

test('random bodies in random parts: the pieces hold the events, and the cuts do not depend on the parts', () => {
  const seed = Date.now() % 1_000_000;
  const random = seededRandom(seed);
  for (let round = 0; round < 500; round++) {
    const events = Array.from({ length: random.below(30) }, () => randomEvent(random));
    const body = { before: randomEvent(random), events, after: { events: randomEvent(random), x: [events.length] } };
    const text = JSON.stringify(body, null, random.below(3));
    const whole = cutJson(text);
    assert.deepEqual(
      { problem: whole.problem, events: eventsOf(whole.pieces) },
      { problem: undefined, events },
      `seed=${seed} round=${round}`,
    );
    const parts = cutJson(text, () => 1 + random.below(20));
    assert.deepEqual(parts, whole, `seed=${seed} round=${round}`);
  }
});

test('a piece holds as many events as fit, and one that is larger than a piece has one of its own', () => {
  const events = ['a'.repeat(20), 'b'.repeat(20), 'c'.repeat(20), 'd'.repeat(200), 'e'];
  const { pieces } = cutJson(JSON.stringify({ events }));
  assert.deepEqual(
    pieces.map((piece) => eventsOf([piece]).length),
    [2, 1, 1, 1],
  );
});

test('an event that is too large is left out and counted, in whatever parts it comes', () => {
  const body = JSON.stringify({ events: [1, 'x'.repeat(5000), { a: 'y'.repeat(2000) }, 2] });
  for (const part_bytes of [1, 7, 1 << 20]) {
    const { pieces, problem, too_large } = cutJson(body, () => part_bytes);
    assert.deepEqual({ events: eventsOf(pieces), problem, too_large }, { events: [1, 2], problem: undefined, too_large: 2 });
  }
});

test('random bodies of which some events are too large: those are counted, the others are all there, however the body comes', () => {
  const seed = Date.now() % 1_000_000;
  const random = seededRandom(seed);
  for (let round = 0; round < 300; round++) {
    const limits = { piece_bytes_max: 1 + random.below(200), event_bytes_max: 1 + random.below(150) };
    const events = Array.from({ length: random.below(40) }, () => randomEvent(random));
    const fits = (event: unknown): boolean => Buffer.byteLength(JSON.stringify(event)) <= limits.event_bytes_max;
    const expected = { events: events.filter(fits), too_large: events.filter((event) => !fits(event)).length, problem: undefined };
    const text = JSON.stringify({ events });
    const whole = cutJson(text, undefined, limits);
    const { too_large, problem } = whole;
    assert.deepEqual({ events: eventsOf(whole.pieces), too_large, problem }, expected, `seed=${seed} round=${round}`);
    for (const part_bytes_max of [1, 20, 100]) {
      const parts = cutJson(text, () => 1 + random.below(part_bytes_max), limits);
      assert.deepEqual(parts, whole, `seed=${seed} round=${round}`);
    }
  }
});

test('what is no batch is told by its code', () => {
  const cases: [string, string | undefined][] = [
    ['{"events":[]}', undefined],
    [' { "events" : [ ] } ', undefined],
    ['{"a":[{"events":[1]}],"events":[1]}', undefined],
    ['{"events":[1,,2]}', 'not_json'],
    ['{"events":[1,]}', 'not_json'],
    ['{"events":[,1]}', 'not_json'],
    ['{"events":[1', 'not_json'],
    ['{"events":["1]}', 'not_json'],
    ['{"events":[1]', 'not_json'],
    ['{"events":[1]}}', 'not_json'],
    ['{"events":[{]}', 'not_json'],
    ['{"events":[1],}', 'not_json'],
    ['{"events":[1]} x', 'not_json'],
    ['\ufeff{"events":[1]}', 'not_json'],
    ['', 'not_json'],
    ['[{"events":[1]}]', 'not_an_object'],
    ['{}', 'no_events'],
    ['{"events":{}}', 'no_events'],
    ['{"x":{"events":[1]}}', 'no_events'],
    ['{"xevents":[1],"eventsx":[2]}', 'no_events'],
    ['{"x":"events","y":[1]}', 'no_events'],
    ['{"events":[1],"events":[2]}', 'repeated_events'],
    ['{"events":[1],"\\u0065vents":[2]}', 'repeated_events'],
    ['{"\\u0065v\\u0065nts":[1],"events":[2]}', 'repeated_events'],
    ['{"events":[1],"events":2}', 'repeated_events'],
    ['{"events":2,"events":[1]}', 'repeated_events'],
    ['{"\\u0065vents":[1]}', undefined],
    ['{"event\\u0000s":[1]}', 'no_events'],
    ['{"events":[ ,1]}', 'not_json'],
    ['{"events":[1, ]}', 'not_json'],
    [`{"events":["${'x'.repeat(90)}",,"${'y'.repeat(90)}"]}`, 'not_json'],
    [`{"events":[1,${' '.repeat(2000)},2]}`, 'not_json'],
    [`{"events":[${'['.repeat(600)}`, 'nesting_too_deep'],
    [`{"a":${'['.repeat(600)}`, 'nesting_too_deep'],
    [`{"a":"${'x'.repeat(1 << 20)}","events":[]}`, 'body_around_events_too_large'],
    [`{"events":[1]}{"events":[${'1,'.repeat(1 << 20)}1]}`, 'not_json'],
    [`{"events":[1]}x${'x'.repeat(2 << 20)}`, 'not_json'],
    [`x${'x'.repeat(2 << 20)}`, 'not_json'],
    [`]{"events":[1]}`, 'not_json'],
    [`[${'1,'.repeat(1 << 20)}1]`, 'not_an_object'],
    [JSON.stringify('x'.repeat(2 << 20)), 'not_an_object'],
    [`${' '.repeat(2 << 20)}{ "a" ${'\n'.repeat(2 << 20)}: 1, "events":[1]}${' '.repeat(2 << 20)}`, undefined],
    ['{"a":1 2,"events":[]}', 'not_json'],
    [`{"a":"${' '.repeat(1 << 20)}","events":[]}`, 'body_around_events_too_large'],
    [`{${Array.from({ length: 50_000 }, (_none, key) => `"${key}":1,`).join('')}"events":[1]}`, undefined],
  ];
  for (const [body, code] of cases) {
    assert.equal(cutJson(body).problem, code, body.slice(0, 60));
    assert.equal(cutJson(body, () => 1 + (body.length >> 12)).problem, code, body.slice(0, 60));
  }
});

test('invalid UTF-8 around the events is not JSON', () => {
  assert.equal(cutJson(Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xff]), Buffer.from('","events":[]}')])).problem, 'not_json');
});

test('lines are cut between lines, blank ones and a missing end do not matter', () => {
  const seed = Date.now() % 1_000_000;
  const random = seededRandom(seed);
  for (let round = 0; round < 200; round++) {
    const lines = Array.from({ length: random.below(30) }, () => 'x'.repeat(random.below(60)));
    const text = lines.join('\n');
    const whole = cut(new LineCutter(LIMITS), text, () => 1 << 20);
    const parts = cut(new LineCutter(LIMITS), text, () => 1 + random.below(20));
    assert.deepEqual(parts, whole, `seed=${seed} round=${round}`);
    const read = whole.pieces.flatMap((piece) => piece.split('\n'));
    assert.deepEqual(
      read.filter((line) => line !== ''),
      lines.filter((line) => line !== ''),
      `seed=${seed} round=${round}`,
    );
    for (const piece of whole.pieces) assert.ok(piece.length <= LIMITS.piece_bytes_max || piece.split('\n').length <= 2);
  }
  const { pieces, too_large } = cut(new LineCutter(LIMITS), `a\n${'x'.repeat(5000)}\nb`, () => 3);
  assert.deepEqual([pieces.join('\n').split('\n').filter(Boolean), too_large], [['a', 'b'], 1]);
});

function cutPack(body: Uint8Array, part_bytes = (): number => 1 << 20): Cut & { readonly events: unknown[] } {
  const cutter = new PackCutter('events', LIMITS);
  const events: unknown[] = [];
  const pieces: string[] = [];
  const take = (piece: Uint8Array): void => {
    pieces.push(Buffer.from(piece).toString('hex'));
    const { events: taken }: { events: unknown[] } = unpack(Uint8Array.from(piece));
    events.push(...taken);
  };
  let problem: string | undefined;
  for (let at = 0; at < body.length && problem === undefined; ) {
    const length = part_bytes();
    problem = cutter.push(Uint8Array.from(body.subarray(at, at + length)), take);
    at += length;
  }
  problem ??= cutter.end(take);
  return { pieces, problem, too_large: cutter.events_too_large, events };
}

test('random MessagePack bodies in random parts: the pieces hold the events, and the cuts do not depend on the parts', () => {
  const seed = Date.now() % 1_000_000;
  const random = seededRandom(seed);
  for (let round = 0; round < 500; round++) {
    const events = Array.from({ length: random.below(30) }, () => randomEvent(random));
    const body = packr.pack({ before: randomEvent(random), events, after: { events: [1], x: randomEvent(random) } });
    const whole = cutPack(body);
    assert.deepEqual({ problem: whole.problem, events: whole.events }, { problem: undefined, events }, `seed=${seed} round=${round}`);
    assert.deepEqual(
      cutPack(body, () => 1 + random.below(20)),
      whole,
      `seed=${seed} round=${round}`,
    );
  }
});

test('what is no MessagePack batch is told by its code', () => {
  const good = packr.pack({ events: [{ a: [1, 'text', 2.5, null] }] });
  for (let length = 0; length < good.length; length++) {
    assert.equal(cutPack(good.subarray(0, length), () => 3).problem, 'not_message_pack', `${length} bytes`);
  }
  assert.equal(cutPack(Buffer.concat([good, Buffer.from([0])])).problem, 'not_message_pack');
  assert.equal(cutPack(Buffer.from([0xc1, 0, 0, 0, 0, 0])).problem, 'not_message_pack');
  assert.equal(cutPack(packr.pack([{ events: [1] }])).problem, 'not_an_object');
  assert.equal(cutPack(Buffer.from('{"events":[]}')).problem, 'not_message_pack');
  assert.equal(cutPack(packr.pack({ x: { events: [1] } })).problem, 'no_events');
  assert.equal(cutPack(packr.pack({ events: {} })).problem, 'no_events');
  assert.equal(cutPack(packr.pack({ events: [] })).problem, undefined);
  const [member, number] = [good.subarray(1), Buffer.concat([packr.pack('events'), Buffer.of(1)])];
  assert.equal(cutPack(Buffer.concat([Buffer.of(0x82), member, number])).problem, 'repeated_events');
  assert.equal(cutPack(Buffer.concat([Buffer.of(0x82), number, member])).problem, 'repeated_events');
  for (const container of [0x80, 0x90]) {
    assert.equal(cutPack(Buffer.concat([Buffer.of(0x82, container, 1), member])).problem, 'not_message_pack', 'as a key');
    assert.equal(cutPack(Buffer.concat([Buffer.of(0x82, 0xa1, 0x61, 0x81, container, 1), member])).problem, 'not_message_pack', 'deeper');
  }
  assert.equal(cutPack(Buffer.concat([Buffer.from([0x82]), good.subarray(1), good.subarray(1)])).problem, 'repeated_events');
  assert.equal(cutPack(Buffer.concat([Buffer.from([0x81, 0xa1, 0x61]), Buffer.alloc(1000, 0x91)])).problem, 'nesting_too_deep');
  const { events, too_large } = cutPack(packr.pack({ events: [1, 'x'.repeat(5000), 2] }), () => 7);
  assert.deepEqual([events, too_large], [[1, 2], 1]);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Packr } from 'msgpackr';
import { messagePackToJson } from '../../../../src/pipeline/worker/message_pack.ts';
import { seededRandom } from '../../../support/seeded_random.ts';

const packr = new Packr({ useRecords: false, variableMapSize: true });

function json(bytes: Uint8Array): string {
  const result = messagePackToJson(Buffer.from(bytes));
  return typeof result === 'string' ? result : result.toString();
}

function packed(value: unknown): string {
  return json(packr.pack(value));
}

test('a document that another library packed reads as the same JSON', () => {
  const documents = [
    { events: [{ a: 'text', ['é']: '\u0000"\\\n', n: null, t: true, f: false }] },
    { events: [], empty: {}, list: [[], [[]], {}] },
    { n: [0, 1, 127, 128, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, -1, -32, -33, -128, -129, -32_768, -32_769, -(2 ** 31)] },
    { f: [0.5, -1.25, 1e300, 3.25] },
    { long: 'x'.repeat(40), longer: 'y'.repeat(300), longest: 'z'.repeat(70_000), many: Array(20).fill(1), most: Array(70_000).fill('a') },
    Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`k${index}`, index])),
  ];
  for (const document of documents) assert.deepEqual(JSON.parse(packed(document)), document);
});

test('random documents read as the same JSON', () => {
  const seed = Date.now() % 1_000_000;
  const random = seededRandom(seed);
  const value = (depth: number): unknown => {
    switch (random.below(depth > 3 ? 5 : 7)) {
      case 0:
        return random.below(2) === 0;
      case 1:
        return random.below(2 ** 32) - 2 ** 31;
      case 2:
        return random.fraction();
      case 3:
        return String.fromCodePoint(...Array.from({ length: random.below(40) }, () => random.below(0xd800)));
      case 4:
        return null;
      case 5:
        return Array.from({ length: random.below(20) }, () => value(depth + 1));
      default:
        return Object.fromEntries(
          Array.from({ length: random.below(20) }, (_, index) => [`${index}${random.below(100)}_`, value(depth + 1)]),
        );
    }
  };
  for (let round = 0; round < 300; round++) {
    const document = { value: value(0) };
    assert.deepEqual(JSON.parse(packed(document)), document, `seed=${seed} round=${round}`);
  }
});

test('integers of 64 bits keep every digit, and what JSON has no number for is null', () => {
  assert.equal(packed({ a: 2n ** 64n - 1n, b: -(2n ** 63n) }), '{"a":18446744073709551615,"b":-9223372036854775808}');
  assert.equal(packed({ a: Number.NaN, b: Number.POSITIVE_INFINITY }), '{"a":null,"b":null}');
});

test('names that mean something to JavaScript are plain data', () => {
  const bytes = Buffer.concat([Buffer.from([0x81, 0xa9]), Buffer.from('__proto__'), Buffer.from([0x81, 0xa1, 0x61, 0x01])]);
  assert.equal(json(bytes), '{"__proto__":{"a":1}}');
});

test('an element that holds what is not JSON becomes null, and the others stay', () => {
  const binary = { events: [{ a: 1 }, { b: Buffer.from('bytes') }, { c: [new Date(0)] }, { d: 2 }] };
  assert.equal(packed(binary), '{"events":[{"a":1},null,null,{"d":2}]}');
  const invalid_utf8 = Buffer.from([0x81, 0xa1, 0x65, 0x92, 0xa1, 0xff, 0xa1, 0x61]);
  assert.equal(json(invalid_utf8), '{"e":[null,"a"]}');
  // Outside of an element nothing takes the place of what was written of it.
  assert.equal(json(Buffer.from([0x82, 0xa1, 0x61, 0xa3, 0x62, 0x63, 0xff, 0xa2, 0x64, 0xff, 0x01])), '{"a":null,"":1}');
  const number_as_key = Buffer.from([0x81, 0xa1, 0x65, 0x92, 0x81, 0x01, 0x02, 0xa1, 0x61]);
  assert.equal(json(number_as_key), '{"e":[null,"a"]}');
  const record_definition = Buffer.from([0x81, 0xa1, 0x65, 0x91, 0xd4, 0x72, 0x40]);
  assert.equal(json(record_definition), '{"e":[null]}');
});

test('bytes that end early, go on, or begin no value are malformed', () => {
  const good = packr.pack({ events: [{ a: 'text', b: [1, 2.5, 300, null] }] });
  for (let length = 0; length < good.length; length++) assert.equal(json(good.subarray(0, length)), 'malformed', `${length} bytes`);
  assert.equal(json(Buffer.concat([good, Buffer.from([0])])), 'malformed');
  assert.equal(json(Buffer.from([0xc1])), 'malformed');
});

test('lengths that lie and nesting bombs cost nothing', () => {
  for (const first of [0xdb, 0xc6, 0xc9, 0xdd, 0xdf]) assert.equal(json(Buffer.from([first, 255, 255, 255, 255, 1])), 'malformed');
  assert.equal(json(Buffer.alloc(1_000_000, 0x91)), 'too_deep');
  assert.equal(json(Buffer.alloc(1_000_000, Buffer.from([0x81, 0xa0]))), 'too_deep');
});

test('every byte value anywhere ends in JSON or in a problem', () => {
  const good = packr.pack({ events: [{ a: 'text', b: [1, 2.5, 300, null, { c: -5 }] }] });
  for (let at = 0; at < good.length; at++) {
    for (let byte = 0; byte < 256; byte++) {
      const changed = Buffer.from(good);
      changed[at] = byte;
      const result = json(changed);
      if (result !== 'malformed' && result !== 'too_deep') JSON.parse(result);
    }
  }
});

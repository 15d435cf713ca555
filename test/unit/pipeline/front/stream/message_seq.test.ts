import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pack } from 'msgpackr';
import { type MessageSeq, seqOfJson, seqOfMessagePack } from '../../../../../src/pipeline/front/stream/message_seq.ts';
import { seededRandom } from '../../../../support/seeded_random.ts';

const JSON_MESSAGES: readonly (readonly [message: string, seq: MessageSeq])[] = [
  ['{"seq":1,"events":[]}', 1],
  [' \n{ "seq" : 0 , "events" : [] }', 0],
  ['{"seq":9007199254740991}', 9_007_199_254_740_991],
  ['{"events":[],"seq":12}', 12],
  ['{"events":[],"seq":12 } \n', 12],
  ['{"events":[],"seq":13,"more":[1,2,{"seq":99}]}', 13],
  [`{"padding":"${'x'.repeat(100)}","seq":14,"padding2":"${'x'.repeat(100)}"}`, 14],
  [`{"seq":${' '.repeat(100)}15}`, 'invalid'],
  ['{"events":[]}', undefined],
  ['{"events":[{"seq":5}]}', undefined],
  ['{"events":[{"metadata":"{\\"seq\\":5}"}]}', undefined],
  ['{"text":"\\\\","events":[{"a":{"seq":5}}]}', undefined],
  ['{"text":",\\"seq\\":5}"}', undefined],
  ['{"a":"seq","events":[]}', undefined],
  ['{"seq":null,"events":[]}', undefined],
  ['{"seq":-1}', 'invalid'],
  ['{"seq":1.5}', 'invalid'],
  ['{"seq":1e3}', 'invalid'],
  ['{"seq":"1"}', 'invalid'],
  ['{"seq":true}', 'invalid'],
  ['{"seq":[1]}', 'invalid'],
  ['{"seq":9007199254740992}', 'invalid'],
  ['{"events":[],"seq":"1"}', 'invalid'],
  ['', undefined],
  ['"seq', undefined],
  ['{"seq"', undefined],
];
for (const [message, seq] of JSON_MESSAGES) {
  test(`the seq of ${message.slice(0, 60)} is ${seq}`, () => assert.equal(seqOfJson(Buffer.from(message)), seq));
}

const PACKED: readonly (readonly [message: object, seq: MessageSeq])[] = [
  [{ seq: 1, events: [] }, 1],
  [{ events: [{ seq: 3, metadata: { a: [1, 2, null, true, 1.5] } }], seq: 200 }, 200],
  [{ events: ['x'.repeat(300)], seq: 70_000, more: 1 }, 70_000],
  [{ seq: 5_000_000_000 }, 5_000_000_000],
  [{ seq: Number.MAX_SAFE_INTEGER }, Number.MAX_SAFE_INTEGER],
  [{ events: [{ seq: 3 }] }, undefined],
  [{ seq: null }, undefined],
  [{ seq: -1 }, 'invalid'],
  [{ seq: -1000 }, 'invalid'],
  [{ seq: 0.5 }, 'invalid'],
  [{ seq: 'one' }, 'invalid'],
  [{ seq: [1] }, 'invalid'],
];
for (const [message, seq] of PACKED) {
  test(`the seq of ${JSON.stringify(message).slice(0, 60)} as MessagePack is ${seq}`, () => {
    assert.equal(seqOfMessagePack(Buffer.from(pack(message))), seq);
  });
}

test('of any JSON object with a seq anywhere, what is found is what JSON.parse finds', () => {
  const seed = 7;
  const random = seededRandom(seed);
  const texts = ['plain', '"', '\\', ',"seq":5}', '{"seq":1}', ' ', 'ü'];
  const pick = (depth: number): unknown => {
    const kind = random.below(depth > 3 ? 2 : 4);
    if (kind === 0) return texts[random.below(texts.length)];
    if (kind === 1) return random.below(100);
    if (kind === 2) return Array.from({ length: random.below(3) }, () => pick(depth + 1));
    return Object.fromEntries(Array.from({ length: random.below(4) }, () => [texts[random.below(texts.length)], pick(depth + 1)]));
  };
  for (let round = 0; round < 3000; round++) {
    const members = Array.from({ length: random.below(5) }, (_, index): [string, unknown] => [`member${index}`, pick(0)]);
    const seq = random.below(2) === 0 ? random.below(1_000_000) : undefined;
    if (seq !== undefined) members.splice(random.below(members.length + 1), 0, ['seq', seq]);
    const value = Object.fromEntries(members);
    const message = JSON.stringify(value, undefined, random.below(3));
    assert.equal(seqOfJson(Buffer.from(message)), seq, `seed=${seed} ${message}`);
    assert.equal(seqOfMessagePack(Buffer.from(pack(value))), seq, `seed=${seed} ${message}`);
  }
});

test('no bytes at all make the search for a seq fail or run on', () => {
  const seed = 11;
  const random = seededRandom(seed);
  for (let round = 0; round < 2000; round++) {
    const bytes = Buffer.from(Array.from({ length: random.below(60) }, () => random.below(256)));
    const message = Buffer.concat([Buffer.of(0x80 + random.below(32)), bytes, Buffer.from('\xa3seq', 'latin1'), bytes]);
    for (let length = 0; length <= message.length; length += 7) {
      seqOfJson(message.subarray(0, length));
      seqOfMessagePack(message.subarray(0, length));
    }
  }
});

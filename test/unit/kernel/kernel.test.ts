import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Kernel } from '../../../src/kernel/kernel.ts';
import { murmurHash3 } from '../../support/murmur_hash.ts';

const SEED = Uint32Array.of(1, 2, 3, 4);

function loaded(text: string | Uint8Array): { kernel: Kernel; bytes: Buffer } {
  const kernel = new Kernel();
  const bytes = Buffer.from(text);
  assert.ok(kernel.load(bytes));
  return { kernel, bytes };
}

/** The texts of the elements that a scan finds, or its problem. */
function elements(text: string): string[] | string {
  const { kernel, bytes } = loaded(text);
  const found = kernel.scanBatch(0, bytes.length, 'events');
  if (typeof found === 'string') return found;
  return Array.from({ length: found }, (_, index) => bytes.toString('utf8', kernel.elementStart(index), kernel.elementEnd(index)));
}

test('elements are found wherever JSON allows white space, and without it', () => {
  assert.deepEqual(elements('{"events":[{"a":1},2,"x"]}'), ['{"a":1}', '2', '"x"']);
  assert.deepEqual(elements(' {\n"events" :\t[ {"a":1} , 2\r\n] } '), ['{"a":1}', '2']);
  assert.deepEqual(elements('{"events":[]}'), []);
  assert.deepEqual(elements('{"events":[ ]}'), []);
});

test('brackets, quotes and commas inside of strings are text', () => {
  assert.deepEqual(elements('{"events":["]}\\",[{", {"k":"\\\\"},"\\\\\\""]}'), ['"]}\\",[{"', '{"k":"\\\\"}', '"\\\\\\""']);
});

test('nested arrays and objects belong to their element', () => {
  assert.deepEqual(elements('{"a":[1,[2]],"events":[[1,2],{"events":[3,4]}],"b":{"events":[5]}}'), ['[1,2]', '{"events":[3,4]}']);
});

test('a member whose name is escaped is the same member', () => {
  assert.deepEqual(elements('{"\\u0065ven\\u0074s":[1]}'), ['1']);
  assert.equal(elements('{"event\\n":[1]}'), 'not_found');
  assert.equal(elements('{"\\u0065ven\\u0074":[1]}'), 'not_found');
});

test('a body without the array, or with two, is said to be so', () => {
  assert.equal(elements('{"event":[1]}'), 'not_found');
  assert.equal(elements('{"events":{"a":1}}'), 'not_found');
  assert.equal(elements('{"events":[1],"events":[2]}'), 'repeated');
});

test('nesting is allowed to depth 500 and refused beyond it', () => {
  const nested = (depth: number): string => `{"events":[${'['.repeat(depth - 2)}${']'.repeat(depth - 2)}]}`;
  assert.equal(elements(nested(500)).length, 1);
  assert.equal(elements(nested(501)), 'nesting_too_deep');
  assert.equal(elements('['.repeat(100_000)), 'nesting_too_deep');
});

test('an object with very many integer-like keys is refused, one with as many other keys is not', () => {
  const object = (prefix: string): string => `{"events":[{${Array.from({ length: 1001 }, (_, index) => `"${prefix}${index}":0`).join()}}]}`;
  assert.equal(elements(object('')), 'too_many_keys');
  assert.equal(elements(object('k')).length, 1);
});

test('many elements make the memory grow, and all are found', () => {
  assert.equal(elements(`{"events":[${'1,'.repeat(300_000)}1]}`).length, 300_001);
});

test('a scan of one body does not read into the next', () => {
  const { kernel, bytes } = loaded('{"events":[1,2{"events":[3]}');
  assert.equal(kernel.scanBatch(0, 14, 'events'), 1);
  assert.equal(kernel.scanBatch(14, bytes.length - 14, 'events'), 1);
  assert.equal(bytes.toString('utf8', kernel.elementStart(0), kernel.elementEnd(0)), '3');
});

test('a member is found by its name, the last of that name, whatever is around it', () => {
  const find = (text: string): string | undefined => {
    const { kernel, bytes } = loaded(text);
    const member = kernel.findMember(0, bytes.length, 'metadata');
    return member === undefined ? undefined : bytes.toString('utf8', member.start, member.end);
  };
  assert.equal(find('{"metadata":{"a":[1,{"metadata":2}]},"b":1}'), '{"a":[1,{"metadata":2}]}');
  assert.equal(find('{ "a" : 1 , "metadata" : 17 }'), '17');
  assert.equal(find('{"metadata":1,"metadata": "x,}" }'), '"x,}"');
  assert.equal(find('{"a":{"metadata":1}}'), undefined);
  assert.equal(find('{"a":"metadata"}'), undefined);
});

test('the hash is MurmurHash3 x64 128 at every length', () => {
  const bytes = Buffer.from(Array.from({ length: 300 }, (_, index) => (index * 131) & 255));
  const { kernel } = loaded(bytes);
  const digest = new Uint32Array(4);
  for (let length = 0; length <= 70; length++) {
    kernel.hash(3, length, SEED, digest, 0);
    assert.deepEqual([...digest], murmurHash3(bytes.subarray(3, 3 + length), SEED), `length ${length}`);
  }
});

test('texts are hashed one after the other, each with the digest before it as its seed', () => {
  const { kernel } = loaded('');
  const digest = new Uint32Array(4);
  kernel.hashTexts(['ab', 'ç'], SEED, digest, 0);
  const first = Uint32Array.from(murmurHash3(Buffer.from('ab'), SEED));
  assert.deepEqual([...digest], murmurHash3(Buffer.from('ç'), first));
});

test('a text longer than the scratch space is hashed to its end', () => {
  const { kernel } = loaded('');
  const digest = (text: string): number[] => {
    const into = new Uint32Array(4);
    kernel.hashTexts([text], SEED, into, 0);
    return [...into];
  };
  assert.notDeepEqual(digest(`${'x'.repeat(200_000)}a`), digest(`${'x'.repeat(200_000)}b`));
});

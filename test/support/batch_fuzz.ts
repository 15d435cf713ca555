/** Random JSON, well-formed and damaged: the kernel's scan and JSON.parse must agree on every element of every batch. */
import assert from 'node:assert/strict';
import { Kernel } from '../../src/kernel/kernel.ts';
import { seededRandom } from './seeded_random.ts';

const TEXTS = [
  '',
  'a',
  'events',
  '\\"',
  '\\\\',
  '[',
  ']',
  '{',
  '}',
  ',',
  ':',
  '\\u0065vents',
  '\\ud83d\\ude00',
  'é',
  'x'.repeat(40),
  ' '.repeat(17),
];
const SPACES = ['', '', '', ' ', '\n', '\t ', '\r\n'];
const SCALARS = ['0', '-1.5e3', 'true', 'false', 'null'];

/** Throws at the first body on which the two disagree. */
export function fuzzBatches(seed: number, cases: number): void {
  const { pick, below } = seededRandom(seed);
  const space = (): string => pick(SPACES);
  const text = (): string => `"${Array.from({ length: below(4) }, () => pick(TEXTS)).join('')}"`;
  const list = (count: number, item: () => string): string => Array.from({ length: count }, () => space() + item() + space()).join(',');
  const value = (depth: number): string => {
    const kind = below(depth > 4 ? 2 : 4);
    if (kind === 0) return pick(SCALARS);
    if (kind === 1) return text();
    if (kind === 2) return `[${space()}${list(below(4), () => value(depth + 1))}]`;
    return `{${space()}${list(below(4), () => `${text()}${space()}:${space()}${value(depth + 1)}`)}}`;
  };
  const member = (): string => (below(3) === 0 ? `"events":[${space()}${list(below(5), () => value(2))}]` : `${text()}:${value(1)}`);
  const kernel = new Kernel();
  for (let index = 0; index < cases; index++) {
    const whole = `${space()}{${list(below(4), member)}${space()}}${space()}`;
    const body = below(4) === 0 ? whole.slice(0, below(whole.length + 1)) + pick(['', '}', ']', '"', ',']) : whole;
    compare(kernel, body, `seed=${seed} case ${index}: ${body}`);
  }
}

function compare(kernel: Kernel, body: string, message: string): void {
  const bytes = Buffer.from(body);
  assert.ok(kernel.load(bytes));
  const found = kernel.scanBatch(0, bytes.length, 'events');
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    return;
  }
  if (found === 'repeated') return;
  const events = typeof parsed === 'object' && parsed !== null && 'events' in parsed ? parsed.events : undefined;
  if (!Array.isArray(events)) {
    assert.equal(found, 'not_found', message);
    return;
  }
  assert.equal(found, events.length, message);
  for (const [index, event] of events.entries()) {
    const slice = bytes.toString('utf8', kernel.elementStart(index), kernel.elementEnd(index));
    assert.equal(slice, slice.trim(), message);
    assert.deepEqual(JSON.parse(slice), event, message);
  }
}

/**
 * Webhooks whose like is known, and the same ones read by JSON.parse, AJV and the guard of the JSON column: what comes out must not differ in
 * a byte. Each body is followed by one that looks much like it, since what is wrong would be learned of the first and believed of the second.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Kernel } from '../../src/kernel/kernel.ts';
import { SlabProcessor } from '../../src/pipeline/worker/slab_processor.ts';
import { CRASH_WEBHOOKS } from '../../src/sources/crash_webhooks/source.ts';
import { SOURCES } from '../../src/sources/list.ts';
import { WebhookBodies } from '../support/likely_webhooks.ts';
import { createSlab } from '../support/slabs.ts';
import { exampleWebhooks, webhookText } from '../support/webhooks.ts';

const CASES = 20_000;
const BODIES_PER_SLAB = 16;
const SEED = 20_261_128;

class Comparison {
  private readonly knowing = new SlabProcessor(SOURCES, new Kernel());
  private readonly reading = new SlabProcessor(SOURCES, new Kernel(), { uses_kernel_path: false });
  /** Of all bodies: which were valid, and which were refused. */
  readonly seen = { valid: 0, deviating: 0, refused: 0 };

  compare(bodies: readonly Buffer[], seed = ''): void {
    const [known, read] = [this.knowing, this.reading].map((processor) => {
      const { output, blocks, singles, rejected } = processor.process(createSlab(bodies, { source: CRASH_WEBHOOKS }));
      const bytes = blocks.reduce((sum, block) => sum + block.bytes, 0);
      return { singles, rejected, blocks, bytes: Buffer.from(Buffer.from(output, 0, bytes)) };
    });
    for (const [index, single] of read.singles.entries()) {
      assert.deepEqual(known.singles[index], single, `${seed} ${bodies[index].toString()}`);
      if (single.kind === 'refused') this.seen.refused++;
      else if (single.deviation === undefined) this.seen.valid++;
      else this.seen.deviating++;
    }
    assert.deepEqual(known.rejected, read.rejected);
    assert.deepEqual(known.blocks, read.blocks);
    assert.ok(known.bytes.equals(read.bytes), `${seed} rows differ: ${bodies.map(String).join('\n')}`);
  }
}

test(`${CASES} webhooks, valid, nearly valid and hostile (seed=${SEED})`, () => {
  const comparison = new Comparison();
  const bodies = new WebhookBodies(SEED);
  for (let cases = 0; cases < CASES; cases += BODIES_PER_SLAB) {
    comparison.compare(
      Array.from({ length: BODIES_PER_SLAB }, () => bodies.next()),
      `seed=${SEED} case=${cases}`,
    );
  }
  // The test means something only if there is enough of each.
  const { valid, deviating, refused } = comparison.seen;
  assert.ok(valid > CASES / 4 && deviating > CASES / 10 && refused > CASES / 50, JSON.stringify(comparison.seen));
});

test('every byte value at every place of a small webhook, before and after its like is known', () => {
  const comparison = new Comparison();
  const body = Buffer.from(
    webhookText('issue.deleted', '{"app":{"key":"A"},"issue":{"key":"A-1","type":"bug","n":[1,-2.5,true,null,"x\\n"]}}'),
  );
  for (let at = 0; at < body.length; at++) {
    const damaged = Array.from({ length: 256 }, (_, byte) => {
      const copy = Buffer.from(body);
      copy[at] = byte;
      return copy;
    });
    comparison.compare([...damaged, body.subarray(0, at), body]);
  }
});

test('a listed text in disguise is not taken for any other text, nor any other for it', () => {
  const comparison = new Comparison();
  const issue = (severity: string): Buffer =>
    Buffer.from(webhookText('issue.created', `{"app":{"key":"A"},"issue":{"key":"A-1","severity":${severity}}}`));
  const severities = ['"\\u0068igh"', '"awful"', '"high"', '"\\u0068ighest"', '""', '"hig\\u0068"', '"low"', '"high\\u0000"', '"\\/"'];
  comparison.compare(severities.map(issue));
  comparison.compare(severities.toReversed().map(issue));
});

test('the documented examples are the same whether they are the first of their kind or not', () => {
  const comparison = new Comparison();
  const examples = exampleWebhooks().map(({ body }) => Buffer.from(body));
  for (const bodies of [examples, examples, examples.toReversed()]) comparison.compare(bodies);
  assert.equal(comparison.seen.valid, 3 * examples.length);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SlabResult, SlabTask } from '../../../../src/contract/slab.ts';
import { Kernel } from '../../../../src/kernel/kernel.ts';
import { SlabProcessor } from '../../../../src/pipeline/worker/slab_processor.ts';
import { blockRows } from '../../../support/block_rows.ts';
import { NOTES_SOURCE } from '../../../support/single_source.ts';
import { createSlab, RECEIVED_AT_MS, type SlabOptions, TENANT } from '../../../support/slabs.ts';

const [NOTES] = NOTES_SOURCE.tables;
const processor = new SlabProcessor([NOTES_SOURCE], new Kernel());

function slabOf(texts: readonly string[], options: SlabOptions = {}): SlabTask {
  return {
    ...createSlab(
      texts.map((text) => Buffer.from(text)),
      options,
    ),
    source: 0,
  };
}

function process(texts: readonly string[], options: SlabOptions = {}): SlabResult {
  return processor.process(slabOf(texts, options));
}

test('each request becomes a row of the slab’s one block, with what it claims and how it is answered', () => {
  const result = process(['{"text":"é","more":{"a":1}}', '{"text":""}'], { idempotency_keys: ['k', ''] });
  const rows = blockRows(NOTES, result);
  const events = result.singles.map((single) => (single.kind === 'event' ? single : assert.fail(single.code)));
  assert.deepEqual(
    rows,
    [
      { text: 'é', body: '{"text":"é","more":{"a":1}}' },
      { text: '', body: '{"text":""}' },
    ].map((row, index) => ({
      organization_id: TENANT.organization_id,
      event_id: events[index].event_id,
      received_at: RECEIVED_AT_MS,
      ...row,
    })),
  );
  assert.deepEqual(
    events.map(({ block, row }) => [block, row]),
    [
      [0, 0],
      [0, 1],
    ],
  );
  assert.deepEqual(
    events.map(({ answer, claims: [claim] }) => [answer, claim.of === 'idempotency_key' ? claim.key : claim.of]),
    [
      ['"é"', 'k'],
      ['""', ''],
    ],
  );
});

test('fresh identities are random UUIDs of version 4, all different, and the same when the same slab comes again', () => {
  const ids = (): string[] =>
    process(Array(100).fill('{"text":"a"}')).singles.map((single) => (single.kind === 'event' ? single.event_id : ''));
  assert.equal(new Set(ids()).size, 100);
  for (const id of ids()) assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.deepEqual(ids(), ids());
});

test('a digest is of the bytes of the body', () => {
  const digests = process(['{"text":"a"}', '{"text":"a"}', '{"text":"a" }']).singles.map((single) =>
    single.kind === 'event' && single.claims[0].of === 'idempotency_key' ? single.claims[0].digest : '',
  );
  assert.equal(digests[0], digests[1]);
  assert.notEqual(digests[0], digests[2]);
});

test('what is no event fails alone, and what breaks the schema is counted as rejected', () => {
  const result = process(['nonsense', '[]', '{}', '{"text":"good"}', `${'['.repeat(600)}${']'.repeat(600)}`, '\ufeff{"text":"a"}']);
  assert.deepEqual(
    result.singles.map((single) => (single.kind === 'event' ? single.answer : single.code)),
    ['not_json', 'not_an_object', 'not_an_object', '"good"', 'nesting_too_deep', 'not_json'],
  );
  assert.deepEqual(result.rejected, { missing_field: 1 });
  assert.equal(result.blocks.length, 1);
});

test('blocks that do not fit into the output offered come in a larger one', () => {
  const text = 'x'.repeat(100_000);
  const result = process([JSON.stringify({ text })]);
  const [row] = blockRows(NOTES, result);
  assert.equal(row['text'], text);
});

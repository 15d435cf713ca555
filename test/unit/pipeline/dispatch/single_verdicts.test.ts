import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { OperatingError } from '../../../../src/contract/errors.ts';
import type { GateRequest, GateVerdict } from '../../../../src/contract/gate.ts';
import type { Submission } from '../../../../src/contract/responder.ts';
import type { SpoolBlock } from '../../../../src/contract/segment.ts';
import { Kernel } from '../../../../src/kernel/kernel.ts';
import { SingleVerdicts } from '../../../../src/pipeline/dispatch/single_verdicts.ts';
import { SlabProcessor } from '../../../../src/pipeline/worker/slab_processor.ts';
import { blockRows } from '../../../support/block_rows.ts';
import { NOTES_SOURCE } from '../../../support/single_source.ts';
import { createSlab, RECEIVED_AT_MS, TENANT } from '../../../support/slabs.ts';

const [NOTES] = NOTES_SOURCE.tables;
const processor = new SlabProcessor([NOTES_SOURCE], new Kernel());

/** A gate that decides by the text of the note, and a spool that does as it is told. */
class Scene {
  readonly answers: string[] = [];
  readonly settled: [string, boolean][] = [];
  readonly appended: SpoolBlock[] = [];
  readonly counted: [number, Record<string, number>][] = [];
  readonly deviations: string[] = [];
  readonly waiting: (() => void)[] = [];
  spool_error: Error | undefined;

  async send(...texts: string[]): Promise<void> {
    const verdicts = new SingleVerdicts({
      gate: { admit: (request) => this.admit(request), settle: (request, is_stored) => this.settled.push([request.answer, is_stored]) },
      spool: {
        append: async (block) => {
          if (this.spool_error !== undefined) throw this.spool_error;
          this.appended.push(block);
        },
      },
      observer: {
        eventsCounted: (_source, accepted, rejected) => this.counted.push([accepted, rejected]),
        eventDeviated: (_source, { reason }) => this.deviations.push(reason),
      },
      columnsOf: () => NOTES.columns,
    });
    const submissions = texts.map((_, index) => this.submission(index));
    const task = createSlab(texts.map((text) => Buffer.from(text === '' ? '{}' : JSON.stringify({ text }))));
    const result = processor.process({ ...task, source: 0 });
    void verdicts.settle({ month: 202611, submissions, receivedAtMs: () => RECEIVED_AT_MS }, result);
    new Uint8Array(result.output).fill(255);
    await setImmediate();
  }

  private async admit({ answer }: GateRequest): Promise<GateVerdict> {
    if (answer === '"again"') return { kind: 'repeated', answer: '"first"' };
    if (answer === '"taken"') return { kind: 'refused', code: 'not_found', context: {} };
    if (answer === '"away"') return { kind: 'refused', code: 'overloaded', context: {} };
    if (answer === '"waits"') await new Promise<void>((resolve) => this.waiting.push(resolve));
    return { kind: 'admitted' };
  }

  private submission(index: number): Submission {
    this.answers[index] = 'waiting';
    const answer = (text: string): void => {
      this.answers[index] = text;
    };
    return {
      source: 0,
      route: 0,
      format: 0,
      tenant: TENANT,
      idempotency_key: '',
      uses_reserve: true,
      counted: () => answer('counts'),
      answered: answer,
      failed: answer,
    };
  }
}

test('what the gate admits is stored, settled and answered; what it does not admit is not stored', async () => {
  const scene = new Scene();
  await scene.send('new', 'again', 'taken', 'away', '');
  assert.deepEqual(scene.answers, ['"new"', '"first"', 'not_found', 'overloaded', 'not_an_object']);
  assert.deepEqual(scene.settled, [['"new"', true]]);
  assert.deepEqual(
    scene.appended.map(({ table, month, rows, uses_reserve }) => [table, month, rows, uses_reserve]),
    [['notes', 202611, 1, true]],
  );
});

test('each event is counted once: stored, duplicate, in conflict or invalid; one that may come again is not', async () => {
  const scene = new Scene();
  await scene.send('new', 'again', 'taken', 'away', '');
  assert.deepEqual(
    scene.counted.toSorted(),
    [
      [0, { missing_field: 1 }],
      [0, { duplicate: 1 }],
      [0, { conflict: 1 }],
      [1, {}],
    ].toSorted(),
  );
});

test('a request that waits for its verdict holds up nobody, and its bytes are its own', async () => {
  const scene = new Scene();
  await scene.send('waits', 'new');
  assert.deepEqual(scene.answers, ['waiting', '"new"']);
  scene.waiting[0]?.();
  await setImmediate();
  assert.equal(scene.answers[0], '"waits"');
  assert.equal(Buffer.from(scene.appended[1].bytes).includes('waits'), true);
});

test('what the gate admits together is one block, and what it does not admit leaves nothing in it', async () => {
  const scene = new Scene();
  await scene.send('first', 'again', 'second', 'taken', 'waits');
  const [block] = scene.appended;
  assert.equal(scene.appended.length, 1);
  assert.deepEqual(textsOf(block), ['first', 'second']);
  assert.doesNotMatch(Buffer.from(block.bytes).toString('latin1'), /again|taken|waits/);
  assert.deepEqual(scene.counted.at(-1), [2, {}]);
  scene.waiting[0]?.();
  await setImmediate();
  assert.deepEqual(textsOf(scene.appended[1]), ['waits']);
  await scene.send('alone', 'together');
  assert.deepEqual(textsOf(scene.appended[2]), ['alone', 'together']);
});

test('when the spool refuses, the claim is given back, and the event is counted nowhere', async () => {
  const scene = new Scene();
  scene.spool_error = new OperatingError('spool_full', { spool_bytes: 1, spool_bytes_max: 1 });
  await scene.send('new');
  assert.deepEqual(scene.answers, ['spool_full']);
  assert.deepEqual(scene.settled, [['"new"', false]]);
  assert.deepEqual(scene.counted, []);
});

function textsOf({ bytes, table, rows }: SpoolBlock): readonly unknown[] {
  const output = new SharedArrayBuffer(bytes.length);
  new Uint8Array(output).set(bytes);
  const result = { output, blocks: [{ table, offset: 0, bytes: bytes.length, rows }], rejected: {}, singles: [], unfold_too_far: [] };
  return blockRows(NOTES, result).map(({ text }) => text);
}

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { OperatingError } from '../../../../src/contract/errors.ts';
import type { Gate } from '../../../../src/contract/gate.ts';
import type { Submission } from '../../../../src/contract/responder.ts';
import type { SpoolBlock } from '../../../../src/contract/segment.ts';
import type { SlabResult, SlabTask } from '../../../../src/contract/slab.ts';
import { Dispatcher, type DispatchLimits } from '../../../../src/pipeline/dispatch/dispatcher.ts';
import { ManualClock } from '../../../support/manual_clock.ts';
import { createProcessor, EVENT_BYTES_MAX, RECEIVED_AT_MS, TENANT } from '../../../support/slabs.ts';

const GOOD = Buffer.from('{"events":[{"event_type":"rollback","release_id":"r","distinct_id":"d"},7]}');
const BAD = Buffer.from('{"events":');
const processor = createProcessor();

const LIMITS: DispatchLimits = {
  slab_bytes_max: 1000,
  slab_requests_max: 8,
  slabs_queued_max: 2,
  threads: 1,
  slabs_per_thread_max: 1,
  event_bytes_max: EVENT_BYTES_MAX,
  body_bytes_max: 1 << 25,
};

/** A dispatcher whose workers answer when the test says so, and whose spool does as it is told. */
class Scene {
  readonly clock = new ManualClock(RECEIVED_AT_MS);
  readonly answers: string[] = [];
  readonly appended: SpoolBlock[] = [];
  readonly counted: [number, Record<string, number>][] = [];
  readonly deaths: string[] = [];
  readonly uploaded: [Submission, Uint8Array][] = [];
  spool_error: Error | undefined;
  readonly waiting: { task: SlabTask; finish: () => void; die: () => void }[] = [];
  readonly dispatcher: Dispatcher;

  constructor(limits: Partial<DispatchLimits> = {}, is_single = false) {
    const workers = {
      run: (task: SlabTask) =>
        new Promise<SlabResult>((resolve, reject) => {
          this.waiting.push({ task, finish: () => resolve(processor.process(task)), die: () => reject(new Error('worker exited')) });
        }),
    };
    const spool = {
      append: async (block: SpoolBlock) => {
        if (this.spool_error !== undefined) throw this.spool_error;
        this.appended.push(block);
      },
    };
    const observer = {
      slabDispatched: () => undefined,
      eventsCounted: (_source: number, accepted: number, rejected: Readonly<Record<string, number>>) =>
        this.counted.push([accepted, rejected]),
      eventDeviated: () => undefined,
      workerDied: (reason: string) => this.deaths.push(reason),
    };
    const gate: Gate = { admit: async () => ({ kind: 'admitted' }), settle: () => undefined };
    const random = { fraction: () => 0.5, uuid: () => 'a seed' };
    const upload = (submission: Submission, body: Uint8Array): number => this.uploaded.push([submission, body]);
    const source_ports = { priorityTypes: () => undefined, columnsOf: () => [], isSingle: () => is_single };
    this.dispatcher = new Dispatcher(
      { workers, spool, gate, clock: this.clock, random, observer, upload, ...source_ports },
      { ...LIMITS, ...limits },
    );
  }

  submit(body: Uint8Array, uses_reserve = false): void {
    const number = this.answers.push('waiting') - 1;
    const submission: Submission = {
      source: 0,
      route: 0,
      tenant: TENANT,
      format: 0,
      idempotency_key: '',
      uses_reserve,
      answered: (answer) => {
        this.answers[number] = answer;
      },
      counted: (accepted, rejected) => {
        this.answers[number] = `${accepted}+${rejected}`;
      },
      failed: (code) => {
        this.answers[number] = code;
      },
    };
    this.dispatcher.submit(submission, body);
  }

  async finishNext(): Promise<void> {
    await setImmediate();
    this.waiting.shift()?.finish();
    await setImmediate();
  }
}

test('requests of one turn travel in one slab, and each gets its own answer', async () => {
  const scene = new Scene();
  scene.submit(GOOD);
  scene.submit(BAD);
  scene.submit(GOOD);
  await setImmediate();
  assert.equal(scene.waiting.length, 1);
  await scene.finishNext();
  assert.deepEqual(scene.answers, ['1+1', 'not_json', '1+1']);
  assert.deepEqual(scene.counted, [[2, { not_an_object: 2 }]]);
  assert.deepEqual(
    scene.appended.map(({ table, month, rows }) => ({ table, month, rows })),
    [{ table: 'deploy_events', month: 202611, rows: 2 }],
  );
});

test('a body may be reused as soon as it was submitted', async () => {
  const scene = new Scene();
  const body = Buffer.from(GOOD);
  scene.submit(body);
  body.fill(0);
  await scene.finishNext();
  assert.deepEqual(scene.answers, ['1+1']);
});

test('while the workers are busy a slab grows, and leaves when one is free', async () => {
  const scene = new Scene();
  scene.submit(GOOD);
  await setImmediate();
  for (let count = 0; count < 3; count++) {
    scene.submit(GOOD);
    await setImmediate();
  }
  assert.equal(scene.waiting.length, 1);
  await scene.finishNext();
  assert.equal(scene.waiting[0].task.requests, 3);
  await scene.finishNext();
  assert.deepEqual(scene.answers, ['1+1', '1+1', '1+1', '1+1']);
});

test('after a trip that many shared the next slab waits a moment for those who were just answered', async () => {
  const scene = new Scene();
  for (let count = 0; count < 8; count++) scene.submit(GOOD);
  await setImmediate();
  scene.submit(GOOD);
  await scene.finishNext();
  assert.equal(scene.waiting.length, 0);
  scene.submit(GOOD);
  await setImmediate();
  assert.equal(scene.waiting.length, 0);
  scene.clock.advance(1);
  assert.equal(scene.waiting[0].task.requests, 2);
  await scene.finishNext();
  scene.submit(GOOD);
  await setImmediate();
  assert.equal(scene.waiting.length, 1, 'after a trip of two nobody waits');
});

test('a busy thread gets a slab ahead of time only when much has gathered', async () => {
  const scene = new Scene({ slabs_per_thread_max: 2, slab_bytes_max: 2 ** 20 });
  const large = Buffer.from(`{"events":[${'7,'.repeat(150_000)}7]}`);
  scene.submit(GOOD);
  await setImmediate();
  scene.submit(GOOD);
  await setImmediate();
  assert.equal(scene.waiting.length, 1);
  scene.submit(large);
  await setImmediate();
  assert.deepEqual(
    scene.waiting.map(({ task }) => task.requests),
    [1, 2],
  );
});

test('a busy thread gets two dozen events that come one to a request ahead of time, and of batches not so few', async () => {
  for (const is_single of [true, false]) {
    const scene = new Scene({ slabs_per_thread_max: 2, slab_bytes_max: 2 ** 20, slab_requests_max: 100 }, is_single);
    for (let count = 0; count < 1 + 23; count++) {
      scene.submit(GOOD);
      await setImmediate();
    }
    assert.equal(scene.waiting.length, 1);
    scene.submit(GOOD);
    await setImmediate();
    assert.deepEqual(
      scene.waiting.map(({ task }) => task.requests),
      is_single ? [1, 24] : [1],
    );
  }
});

test('full slabs queue in order, and beyond the queue a request is refused at once', async () => {
  const scene = new Scene({ slab_requests_max: 1 });
  for (let count = 0; count < 6; count++) {
    scene.submit(GOOD);
    await setImmediate();
  }
  assert.deepEqual(scene.answers, ['waiting', 'waiting', 'waiting', 'waiting', 'overloaded', 'overloaded']);
  for (let count = 0; count < 4; count++) await scene.finishNext();
  assert.deepEqual(scene.answers.slice(0, 4), ['1+1', '1+1', '1+1', '1+1']);
  assert.deepEqual(scene.dispatcher.depth(), { queued: 0, running: 0 });
});

test('requests that use the reserve are taken when others are refused, and go before those that wait', async () => {
  const scene = new Scene({ slab_requests_max: 1 });
  for (let count = 0; count < 5; count++) {
    scene.submit(GOOD);
    await setImmediate();
  }
  scene.submit(BAD, true);
  await setImmediate();
  assert.deepEqual(scene.answers.slice(3), ['waiting', 'overloaded', 'waiting']);
  await scene.finishNext();
  await scene.finishNext();
  assert.deepEqual(scene.answers, ['1+1', 'waiting', 'waiting', 'waiting', 'overloaded', 'not_json']);
});

test('a body larger than a slab travels alone', async () => {
  const scene = new Scene();
  const large = Buffer.from(`{"events":[${'7,'.repeat(2000)}7]}`);
  scene.submit(large);
  scene.submit(GOOD);
  await scene.finishNext();
  assert.deepEqual(scene.answers, ['0+2001', 'waiting']);
  await scene.finishNext();
  assert.deepEqual(scene.answers, ['0+2001', '1+1']);
});

test('a new month begins a new slab, so that a block is in one partition', async () => {
  const scene = new Scene({ threads: 2 });
  scene.submit(GOOD);
  scene.clock.advance(10 * 86_400_000);
  scene.submit(GOOD);
  await scene.finishNext();
  await scene.finishNext();
  assert.deepEqual(
    scene.appended.map((block) => block.month),
    [202611, 202612],
  );
});

test('a worker that dies costs its requests a 503, and those after it nothing', async () => {
  const scene = new Scene();
  scene.submit(GOOD);
  await setImmediate();
  scene.submit(GOOD);
  scene.waiting.shift()?.die();
  await scene.finishNext();
  assert.deepEqual(scene.answers, ['worker_died', '1+1']);
  assert.deepEqual(scene.deaths, ['worker exited']);
});

test('what the spool does not take is answered with its reason and counted nowhere; a bad request is still a bad request', async () => {
  const scene = new Scene();
  scene.spool_error = new OperatingError('spool_full', { spool_bytes: 1, spool_bytes_max: 1 });
  scene.submit(GOOD);
  scene.submit(BAD);
  await scene.finishNext();
  assert.deepEqual(scene.answers, ['spool_full', 'not_json']);
  assert.deepEqual(scene.counted, []);
});

test('a slab without an accepted event needs no spool', async () => {
  const scene = new Scene();
  scene.spool_error = new OperatingError('spool_full', { spool_bytes: 1, spool_bytes_max: 1 });
  scene.submit(Buffer.from('{"events":[7]}'));
  await scene.finishNext();
  assert.deepEqual(scene.answers, ['0+1']);
});

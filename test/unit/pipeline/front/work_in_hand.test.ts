import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WorkInHand } from '../../../../src/pipeline/front/work_in_hand.ts';

const BODY_BYTES = 25 * 1024;
/** With what a request costs beside its bytes. */
const REQUEST_BYTES = BODY_BYTES + 7 * 1024;

/** A server that works off `requests_per_s`, one after the other, while `offered_per_s` come. */
class World {
  turn_ms = 0;
  readonly work = new WorkInHand({ turnMs: () => this.turn_ms });
  readonly waits_ms: number[] = [];
  readonly queue: number[] = [];
  now_ms = 0;
  refused = 0;
  private done = 0;
  private come = 0;

  run(seconds: number, rates: { requests_per_s: number; offered_per_s: number }): void {
    const end_ms = this.now_ms + seconds * 1000;
    for (; this.now_ms < end_ms; this.now_ms++) {
      for (this.come += rates.offered_per_s / 1000; this.come >= 1; this.come--) this.offer();
      this.done = this.queue.length === 0 ? 0 : this.done + rates.requests_per_s / 1000;
      for (; this.done >= 1 && this.queue.length > 0; this.done--) this.answer();
    }
  }

  /** What is in hand when nobody more is taken. */
  fill(): number {
    while (!this.work.isEnough()) {
      this.work.enter(BODY_BYTES);
      this.queue.push(this.now_ms);
    }
    return this.queue.length;
  }

  private offer(): void {
    if (this.work.isEnough()) {
      this.refused++;
      return;
    }
    this.work.enter(BODY_BYTES);
    this.queue.push(this.now_ms);
  }

  private answer(): void {
    const came_ms = this.queue.shift() ?? Number.NaN;
    this.waits_ms.push(this.now_ms - came_ms);
    this.work.leave(BODY_BYTES, this.now_ms - came_ms, this.now_ms);
  }
}

function p99(values: readonly number[]): number {
  return values.toSorted((left, right) => left - right)[Math.floor(values.length * 0.99)];
}

for (const requests_per_s of [300, 3000, 8000]) {
  test(`at twice ${requests_per_s} requests a second the others wait for a tenth of a second, and the server always has one`, () => {
    const world = new World();
    world.run(5, { requests_per_s, offered_per_s: 2 * requests_per_s });
    world.waits_ms.length = 0;
    world.run(5, { requests_per_s, offered_per_s: 2 * requests_per_s });
    assert.ok(p99(world.waits_ms) <= 120, String(p99(world.waits_ms)));
    assert.ok(world.waits_ms.length >= 5 * requests_per_s * 0.99, String(world.waits_ms.length));
  });
}

test('a server that becomes faster is trusted with more again', () => {
  const world = new World();
  world.run(10, { requests_per_s: 300, offered_per_s: 600 });
  world.run(10, { requests_per_s: 3000, offered_per_s: 6000 });
  world.waits_ms.length = 0;
  world.run(5, { requests_per_s: 3000, offered_per_s: 6000 });
  assert.ok(world.waits_ms.length >= 5 * 3000 * 0.99, String(world.waits_ms.length));
});

test('nobody is kept out at nine tenths of what is worked off, nor while a little load stands still for a moment', () => {
  const world = new World();
  world.run(20, { requests_per_s: 3000, offered_per_s: 2700 });
  world.run(0.3, { requests_per_s: 0, offered_per_s: 500 });
  world.run(5, { requests_per_s: 3000, offered_per_s: 500 });
  assert.equal(world.refused, 0);
});

test('a few are taken, however large their batches and however long they wait', () => {
  const work = new WorkInHand({ turnMs: () => 0 });
  for (let request = 0; request < 32; request++) {
    assert.equal(work.isEnough(), false);
    work.enter(4 << 20);
  }
  assert.equal(work.isEnough(), true);
});

test('what was refused after all says nothing of how long others wait', () => {
  const world = new World();
  const before = world.fill();
  for (let interval = 0; interval < 50; interval++) {
    world.now_ms += 150;
    world.work.isEnough();
    world.queue.pop();
    world.work.leave(BODY_BYTES, Number.POSITIVE_INFINITY, world.now_ms);
    world.fill();
  }
  assert.equal(world.queue.length, before);
});

test('where turns of the event loop are long, a wait of three of them is as short as it gets, and keeps nobody out', () => {
  const held = [0, 100].map((turn_ms) => {
    const world = new World();
    world.turn_ms = turn_ms;
    for (let interval = 0; interval < 20; interval++) {
      world.fill();
      world.now_ms += 150;
      world.queue.pop();
      world.work.leave(BODY_BYTES, 250, world.now_ms);
    }
    for (const _ of world.queue.splice(0)) world.work.leave(BODY_BYTES, Number.POSITIVE_INFINITY, world.now_ms);
    return world.fill();
  });
  assert.ok(held[0] < 50 && held[1] > 1000, String(held));
});

test('a megabyte is always taken, and 64 never exceeded, whatever others waited', () => {
  for (const [wait_ms, least, most] of [
    [60_000, 2 ** 20, 2 ** 20],
    [1, 2 ** 26, 2 ** 26],
  ]) {
    const world = new World();
    for (let interval = 0; interval < 100; interval++) {
      world.fill();
      world.now_ms += 150;
      for (let request = 0; request < 32; request++) {
        world.queue.pop();
        world.work.leave(BODY_BYTES, wait_ms, world.now_ms);
      }
    }
    const work_bytes = world.fill() * REQUEST_BYTES;
    assert.ok(work_bytes >= least && work_bytes < most + REQUEST_BYTES, `${work_bytes} after ${wait_ms} ms`);
  }
});

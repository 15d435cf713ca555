import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HELD_MAX, HeldRefusals, HOLD_MS } from '../../../../src/pipeline/front/held_refusals.ts';
import { ManualClock } from '../../../support/manual_clock.ts';

const REFUSAL = { status: 503, body: 'later' };

class Response {
  private readonly handlers: (() => void)[] = [];

  onAborted(handler: () => void): void {
    this.handlers.push(handler);
  }

  abort(): void {
    for (const handler of this.handlers) handler();
  }
}

class World {
  readonly clock = new ManualClock(1000);
  readonly answered: Response[] = [];
  in_flight = 0;
  readonly refusals = new HeldRefusals<Response>({
    clock: this.clock,
    write: (response, answer) => {
      assert.equal(answer, REFUSAL);
      this.answered.push(response);
    },
    inFlight: (change) => {
      this.in_flight += change;
    },
  });

  /** A response that is held. */
  hold(): Response {
    const response = new Response();
    assert.equal(this.refusals.hold(response, REFUSAL), true);
    return response;
  }

  wait(ms: number): void {
    for (let waited_ms = 0; waited_ms < ms; waited_ms += 50) this.clock.advance(50);
  }
}

test('who is refused is answered a second later, in the order in which they came', () => {
  const world = new World();
  const first = world.hold();
  world.wait(300);
  const second = world.hold();
  world.wait(HOLD_MS - 350);
  assert.deepEqual([world.answered, world.in_flight], [[], 2]);
  world.wait(100);
  assert.deepEqual([world.answered, world.in_flight], [[first], 1]);
  world.wait(HOLD_MS);
  assert.deepEqual([world.answered, world.in_flight], [[first, second], 0]);
});

test('for more than a thousand there is no place until those before them are answered', () => {
  const world = new World();
  for (let held = 0; held < HELD_MAX; held++) world.hold();
  assert.equal(world.refusals.hold(new Response(), REFUSAL), false);
  world.wait(HOLD_MS + 50);
  assert.equal(world.answered.length, HELD_MAX);
  world.hold();
});

test('who is gone meanwhile is not answered', () => {
  const world = new World();
  world.hold().abort();
  const other = world.hold();
  world.wait(HOLD_MS + 50);
  assert.deepEqual([world.answered, world.in_flight], [[other], 0]);
});

test('a daemon that stops answers all at once, and holds nobody any more', () => {
  const world = new World();
  const held = world.hold();
  world.refusals.end();
  assert.deepEqual([world.answered, world.in_flight], [[held], 0]);
  assert.equal(world.refusals.hold(new Response(), REFUSAL), false);
  world.wait(HOLD_MS * 2);
  assert.deepEqual(world.answered, [held]);
});

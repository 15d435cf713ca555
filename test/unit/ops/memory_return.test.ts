import assert from 'node:assert/strict';
import { test } from 'node:test';
import { garbageCollector } from '../../../src/base/heap_growth.ts';
import { MemoryReturn } from '../../../src/ops/memory_return.ts';
import { ManualClock } from '../../support/manual_clock.ts';

const CHECK_MS = 5_000;

/** A process that holds `resident_bytes` and, when it collects, `live_bytes`. */
function process() {
  const state = { cpu_ms: 1_000, resident_bytes: 100, live_bytes: 100, collections: 0 };
  const clock = new ManualClock(0);
  const memory_return = new MemoryReturn({
    clock,
    cpuMs: () => state.cpu_ms,
    residentBytes: () => state.resident_bytes,
    collect: () => {
      state.collections++;
      state.resident_bytes = state.live_bytes;
    },
  });
  memory_return.start();
  return {
    state,
    memory_return,
    /** Some five seconds in which the process takes so much of a core. */
    pass: (cpu_share: number, checks = 1) => {
      for (let check = 0; check < checks; check++) {
        state.cpu_ms += CHECK_MS * cpu_share;
        clock.advance(CHECK_MS);
      }
    },
  };
}

test('a process that was busy collects when it is calm again, and not before', () => {
  const { state, pass } = process();
  pass(0, 10);
  assert.equal(state.collections, 1, 'the start leaves garbage too');
  state.resident_bytes = 200;
  pass(0.5, 10);
  assert.equal(state.collections, 1, 'it is busy');
  pass(0.01, 10);
  assert.equal(state.resident_bytes, 100);
  assert.equal(state.collections, 3, 'once more than what there was to free');
});

test('what is alive is not collected again and again', () => {
  const { state, pass } = process();
  pass(0, 2);
  state.resident_bytes = 300;
  state.live_bytes = 300;
  pass(0, 20);
  assert.equal(state.collections, 2);
  state.resident_bytes = 310;
  pass(0, 20);
  assert.equal(state.collections, 2, 'a little more is nothing');
});

test('one that has stopped checks no more', () => {
  const { state, memory_return, pass } = process();
  memory_return.stop();
  pass(0, 3);
  assert.equal(state.collections, 0);
});

test('the collector collects: what nothing refers to is gone', async () => {
  const collect = garbageCollector();
  let gone: object | undefined = { some: 'thing' };
  const reference = new WeakRef(gone);
  gone = undefined;
  // A WeakRef holds what it refers to until the end of the turn.
  await new Promise((resolve) => setImmediate(resolve));
  collect();
  assert.equal(reference.deref(), undefined);
});

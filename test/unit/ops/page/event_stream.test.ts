import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Viewer } from '../../../../src/ops/admin_server.ts';
import { EventStream, UNREAD_BYTES_MAX, VIEWERS_MAX } from '../../../../src/ops/page/event_stream.ts';
import { ProblemRing } from '../../../../src/ops/page/problem_ring.ts';
import { Sampler } from '../../../../src/ops/page/sampler.ts';
import { ManualClock } from '../../../support/manual_clock.ts';
import { readingAt } from '../../../support/page_readings.ts';

class RecordedViewer implements Viewer {
  unread_bytes = 0;
  text = '';
  is_destroyed = false;
  private readonly listeners: (() => void)[] = [];

  get writableLength(): number {
    return this.unread_bytes;
  }

  write(text: string): boolean {
    this.text += text;
    return true;
  }

  destroy(): void {
    this.is_destroyed = true;
  }

  once(_event: 'close', listener: () => void): void {
    this.listeners.push(listener);
  }

  close(): void {
    for (const listener of this.listeners) listener();
  }

  names(): string[] {
    return [...this.text.matchAll(/^event: (.*)$/gm)].map(([, name = '']) => name);
  }
}

async function create() {
  const clock = new ManualClock(0);
  const sampler = new Sampler({ clock, read: async () => readingAt(clock.monotonicMs()), failed: assert.fail }, 1);
  const ring = new ProblemRing(clock);
  const stream = new EventStream(sampler, ring);
  await sampler.start();
  const tick = async (): Promise<void> => {
    clock.advance(1000);
    await new Promise((resolve) => setImmediate(resolve));
  };
  const join = (): RecordedViewer => {
    const answer = stream.subscribe();
    assert.ok('open' in answer, 'the stream is opened');
    const viewer = new RecordedViewer();
    answer.open(viewer);
    return viewer;
  };
  return { stream, ring, tick, join };
}

test('a viewer gets the history and the problems at once, then each second and each new problem', async () => {
  const { ring, tick, join } = await create();
  await tick();
  const viewer = join();
  assert.deepEqual(viewer.names(), ['history', 'problems']);
  const [, data = ''] = /^event: history\ndata: (.*)\n\n/.exec(viewer.text) ?? [];
  const history: { samples: unknown[]; state: { accepted: number } } = JSON.parse(data);
  assert.equal(history.samples.length, 1);
  assert.equal(history.state.accepted, 0);
  await tick();
  ring.add(50, 'worker_died', { reason: 'line\nbreak' });
  assert.deepEqual(viewer.names(), ['history', 'problems', 'look', 'problems']);
  assert.ok(viewer.text.endsWith('\n\n') && !viewer.text.includes('\n\n\n'));
});

test('a viewer that does not read is cut off, and the others are not', async () => {
  const { tick, join } = await create();
  const slow = join();
  const quick = join();
  slow.unread_bytes = UNREAD_BYTES_MAX + 1;
  await tick();
  assert.equal(slow.is_destroyed, true);
  assert.equal(quick.is_destroyed, false);
  await tick();
  assert.deepEqual(slow.names(), ['history', 'problems']);
  assert.deepEqual(quick.names(), ['history', 'problems', 'look', 'look']);
});

test('viewers are bounded, and one that goes makes room', async () => {
  const { stream, join } = await create();
  const viewers = Array.from({ length: VIEWERS_MAX }, join);
  const refused = stream.subscribe();
  assert.ok('status' in refused);
  assert.equal(refused.status, 503);
  assert.match(String(refused.body), /too_many_viewers/);
  viewers[0]?.close();
  join();
});

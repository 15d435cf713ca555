import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type RoomFigures, SpoolBacklog } from '../../../src/compose/spool_backlog.ts';
import type { SealedSegment } from '../../../src/contract/segment.ts';
import { ManualClock } from '../../support/manual_clock.ts';

const ROOMY: RoomFigures = {
  spool_bytes: 0,
  queued_bytes: 0,
  spool_bytes_max: 16_000,
  disk_free_bytes: undefined,
  disk_free_bytes_min: 1_600,
};
const PRIORITY = { watermark: 0.75, types: ['crash'] };
const SEGMENT: SealedSegment = {
  id: 'segment',
  table: 'deploy_events',
  month: 1,
  rows: 1,
  native_bytes: 90,
  file_bytes: 100,
  sequence: 1,
  columns: [],
  received_at_ms: 0,
  sealed_at_ms: 0,
  tokens: 0,
  accounts: [],
};

/** Delivery frees a hundred bytes a second. */
function makeBacklog(figures: Partial<RoomFigures>): { backlog: SpoolBacklog; seen: SealedSegment[]; clock: ManualClock } {
  const clock = new ManualClock(0);
  const seen: SealedSegment[] = [];
  const backlog = new SpoolBacklog(clock, () => ({ ...ROOMY, ...figures }), PRIORITY);
  const observer = backlog.watching({ delivered: (segment: SealedSegment) => void seen.push(segment) });
  for (let second = 0; second < 300; second++) {
    clock.advance(1_000);
    observer.delivered(SEGMENT);
  }
  return { backlog, seen, clock };
}

test('room comes when delivery has freed a sixteenth of the spool, or of what the disk needs', () => {
  const wait_s = (figures: Partial<RoomFigures>): number => Math.round(makeBacklog(figures).backlog.secondsToRoom());
  assert.equal(wait_s({}), 0);
  assert.equal(wait_s({ spool_bytes: 15_900, queued_bytes: 100 }), 10);
  assert.equal(wait_s({ disk_free_bytes: 700 }), 10);
  assert.equal(wait_s({ spool_bytes: 16_000, disk_free_bytes: 0 }), 17);
});

test('without deliveries room never comes', () => {
  const backlog = new SpoolBacklog(new ManualClock(0), () => ({ ...ROOMY, spool_bytes: 16_000 }), PRIORITY);
  assert.equal(backlog.secondsToRoom(), Number.POSITIVE_INFINITY);
});

test('the observer of delivery hears what it would hear without us', () => {
  assert.equal(makeBacklog({}).seen.length, 300);
});

test('above its watermark the spool is for events that go first, and near the floor of its disk too', () => {
  const types = (figures: Partial<RoomFigures>): readonly string[] | undefined => makeBacklog(figures).backlog.priorityTypes();
  assert.equal(types({ spool_bytes: 11_900, queued_bytes: 99 }), undefined);
  assert.deepEqual(types({ spool_bytes: 11_900, queued_bytes: 100 }), ['crash']);
  assert.equal(types({ disk_free_bytes: 2_001 }), undefined);
  assert.deepEqual(types({ disk_free_bytes: 2_000 }), ['crash']);
});

test('a watermark of one is never reached, and one of zero always', () => {
  const { backlog, clock } = makeBacklog({ spool_bytes: 16_000 });
  backlog.setPriority({ watermark: 1, types: [] });
  clock.advance(1_000);
  assert.equal(backlog.priorityTypes(), undefined);
  backlog.setPriority({ watermark: 0, types: [] });
  assert.deepEqual(backlog.priorityTypes(), []);
});

test('those who were shed wait until the spool is well below its watermark', () => {
  assert.equal(Math.round(makeBacklog({ spool_bytes: 12_000 }).backlog.secondsToCalm()), 10);
});

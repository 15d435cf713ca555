/** A day without ClickHouse, with restarts, power failures and a clock that jumps: what is kept stays little in memory, and comes out in order. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '../support/manual_clock.ts';
import { MemoryFs } from '../support/memory_fs.ts';
import { type SeededRandom, seededRandom } from '../support/seeded_random.ts';
import { SpoolOracle } from '../support/spool_oracle.ts';
import { blockOf, countingRandom, Held, OTHER_TABLE, rowOf, TABLE } from '../unit/pipeline/spool/fixtures.ts';

const SEED = 20_261_121;
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const APPENDS_PER_HOUR = 60;
const RESTARTS = 10;
/** Age closes no more segments of a table once so many wait. */
const BACKLOG_SEGMENTS_MAX = 32;

/** The time of day goes its own way; time that passes does not. */
class JumpingClock extends ManualClock {
  private jumped_ms = 0;

  override nowMs(): number {
    return super.nowMs() + this.jumped_ms;
  }

  jump(by_ms: number): void {
    this.jumped_ms += by_ms;
  }
}

class Day {
  readonly oracle = new SpoolOracle();
  /** In the order in which they were acknowledged, by table and month. */
  readonly acknowledged = new Map<string, string[]>();
  private appended = 0;

  constructor(
    private readonly random: SeededRandom,
    private readonly clock: JumpingClock,
    public held: Held,
  ) {}

  async append(): Promise<void> {
    const label = `row ${this.appended++}`;
    const table = this.random.pick([TABLE, OTHER_TABLE]);
    const now = new Date(this.clock.nowMs());
    const month = now.getUTCFullYear() * 100 + now.getUTCMonth() + 1;
    await this.held.spool.append(blockOf([rowOf(label)], table, month));
    const partition = `${table.name} ${month}`;
    this.acknowledged.set(partition, [...(this.acknowledged.get(partition) ?? []), label]);
  }

  async restart(): Promise<void> {
    const { fs, spool } = this.held;
    const after = this.random.below(2) === 0 ? fs.kill() : fs.crash(this.random);
    await spool.close();
    this.held = await this.held.reopen(after);
    await this.held.spool.sealAll();
  }

  /** Delivers up to `count` segments, the oldest first: at a month's turn the new month's may be sealed before the old one's. */
  async drain(count: number): Promise<void> {
    this.held.announced.sort((left, right) => left.sequence - right.sequence);
    for (const segment of this.held.announced.splice(0, count)) await this.oracle.deliver(this.held, segment);
  }
}

async function waitingSegments({ held }: Day): Promise<number> {
  const { sealed_segments, unsealed_segments, open_segments } = held.spool.stats();
  return sealed_segments + unsealed_segments + open_segments;
}

test(`a day's outage is kept in few segments, and drains in order while new events are taken and not kept back (seed=${SEED})`, async () => {
  const random = seededRandom(SEED);
  // Nine hours before the end of November: the day has a month's turn in it.
  const clock = new JumpingClock(Date.UTC(2026, 10, 30, 15));
  const day = new Day(random, clock, await new Held(new MemoryFs(), {}, clock, countingRandom()).start());
  for (let hour = 0; hour < 24; hour++) {
    for (let count = 0; count < APPENDS_PER_HOUR; count++) {
      await day.append();
      clock.advance(HOUR_MS / APPENDS_PER_HOUR);
    }
    if (random.below(4) === 0) clock.jump(random.below(6 * HOUR_MS) - 3 * HOUR_MS);
    if (hour % 2 === 0 && hour < 2 * RESTARTS) await day.restart();
  }
  // Beside what age closed: at each restart an open segment for each table and month.
  const bound = 2 * BACKLOG_SEGMENTS_MAX + 4 * (RESTARTS + 1);
  const waiting = await waitingSegments(day);
  assert.ok(waiting <= bound, `${waiting} segments wait, at most ${bound} should`);

  // ClickHouse is back, and takes ten segments a second while events go on coming.
  for (let second = 0; second < 60; second++) {
    await day.append();
    await day.drain(10);
    clock.advance(1000);
    await day.held.spool.sealAll();
  }
  assert.ok((await waitingSegments(day)) <= 4, 'the backlog is gone, and age seals again');
  await day.drain(Number.POSITIVE_INFINITY);
  day.oracle.check([...day.acknowledged.values()].flat(), `seed=${SEED}`);
  const delivered = day.oracle.names();
  for (const [partition, labels] of day.acknowledged) {
    const of_partition = new Set(labels);
    assert.deepEqual(
      delivered.filter((name) => of_partition.has(name)),
      labels,
      `${partition} is not in order`,
    );
  }
});

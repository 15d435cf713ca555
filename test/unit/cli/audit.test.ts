import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Audit, type AuditOptions, type AuditPorts, type AuditResult } from '../../../src/cli/verify/audit.ts';
import { type CountedPart, sliceOf } from '../../../src/clickhouse/segment_counts.ts';
import type { Fate, SegmentEntry } from '../../../src/pipeline/spool/ledger/entry.ts';

const NOW_MS = Date.UTC(2026, 10, 21);

/** Books, a spool and a ClickHouse that a test fills, and may change between two looks. */
class World implements AuditPorts {
  readonly lines: SegmentEntry[] = [];
  readonly in_spool = new Set<string>();
  readonly rows = new Map<string, number>();
  readonly erased_rows = new Map<string, number>();
  readonly slices: number[] = [];
  since_ms = Number.NEGATIVE_INFINITY;
  months = new Map([[202611, 1]]);
  second_look = (): void => undefined;

  readonly records = {
    since: async (): Promise<number> => this.since_ms,
    entries: (): AsyncIterable<SegmentEntry> => stream(this.lines),
    spooled: async (): Promise<ReadonlySet<string>> => {
      this.second_look();
      return new Set(this.in_spool);
    },
  };
  readonly counts = {
    months: async (): Promise<ReadonlyMap<number, number>> => this.months,
    rowsBySegment: async ({ slices, slice }: CountedPart): Promise<ReadonlyMap<string, number>> => {
      this.slices.push(slices);
      return new Map([...this.rows].filter(([id]) => sliceOf(id, slices) === slice));
    },
  };

  async erased(): Promise<ReadonlyMap<string, number>> {
    return this.erased_rows;
  }

  async countRows(_table: string, segment_id: string): Promise<number> {
    return this.rows.get(segment_id) ?? 0;
  }

  line(segment_id: string, kind: Fate = 'delivered', rows = 10, month = 202611): void {
    this.lines.push({ kind, segment_id, table: 'events', month, rows, at_ms: NOW_MS, accounts: [], children: [] });
  }

  audit(options: Partial<AuditOptions> = {}): Promise<AuditResult> {
    const usual = { tables: ['events'], now_ms: NOW_MS, retention_months: 0, has_other_daemons: false, second_look_ms: 0 };
    return new Audit(this, { ...usual, ...options }).run();
  }

  async found(options: Partial<AuditOptions> = {}): Promise<readonly string[]> {
    const { discrepancies } = await this.audit(options);
    return discrepancies.map(({ kind, segment, rows_expected, rows_found }) => `${kind} ${segment} ${rows_expected} ${rows_found}`);
  }
}

async function* stream<Value>(values: readonly Value[]): AsyncGenerator<Value> {
  yield* values;
}

test('a segment has the rows of its last line: all when it was delivered, none as a dead letter, a parent, or a replay on its way', async () => {
  const world = new World();
  world.line('aa01');
  world.rows.set('aa01', 10);
  world.line('aa02', 'dead_lettered');
  world.line('aa03', 'split');
  world.line('aa04', 'dead_lettered');
  world.line('aa04', 'replayed');
  world.line('aa04');
  world.rows.set('aa04', 10);
  assert.deepEqual(await world.found(), []);
  world.rows.set('aa02', 1);
  world.rows.set('aa04', 11);
  world.rows.set('aa01', 9);
  assert.deepEqual([...(await world.found())].sort(), ['missing_rows aa01 10 9', 'surplus_rows aa02 0 1', 'surplus_rows aa04 10 11']);
});

test('rows of a segment that no line knows are told, and are the others’ in a fleet', async () => {
  const world = new World();
  world.rows.set('bb01', 3);
  assert.deepEqual(await world.found(), ['unknown_segment bb01 0 3']);
  const { discrepancies, foreign_segments } = await world.audit({ has_other_daemons: true });
  assert.deepEqual([discrepancies, foreign_segments], [[], 1]);
});

test('a segment that is delivered between two looks is no discrepancy, nor one that is still in the spool', async () => {
  const world = new World();
  world.rows.set('cc01', 10);
  world.second_look = () => world.line('cc01');
  assert.deepEqual(await world.found(), []);
  const sending = new World();
  sending.rows.set('cc02', 10);
  sending.in_spool.add('cc02');
  assert.deepEqual(await sending.found(), []);
});

test('rows that were erased are not missing', async () => {
  const world = new World();
  world.line('dd01');
  world.rows.set('dd01', 7);
  world.erased_rows.set('dd01', 3);
  assert.deepEqual(await world.found(), []);
  world.rows.set('dd01', 10);
  assert.deepEqual(await world.found(), ['surplus_rows dd01 7 10']);
});

test('months beyond the retention, and months without records, are left out and said so', async () => {
  const world = new World();
  world.months = new Map([
    [202608, 1],
    [202611, 1],
  ]);
  world.line('ee01', 'delivered', 10, 202608);
  const expired = await world.audit({ retention_months: 3 });
  assert.deepEqual(expired.discrepancies, []);
  assert.deepEqual(expired.left_out, ['events 202608: older than clickhouse.retention_months (3)']);
  const kept = await world.audit({ retention_months: 4 });
  assert.equal(kept.discrepancies.length, 1);
  world.since_ms = Date.UTC(2026, 8, 1);
  assert.match((await world.audit()).left_out[0] ?? '', /^events 202608: the records of its segments are older than 90 days/);
});

test('of the month in which the records begin, a segment without one is not judged, and one with a record is', async () => {
  const world = new World();
  world.since_ms = NOW_MS;
  world.rows.set('ff01', 10);
  world.line('ff02');
  assert.deepEqual(await world.found(), ['missing_rows ff02 10 0']);
});

test('a month of many segments is compared in slices, none of which holds more than a hundred thousand', async () => {
  const world = new World();
  world.months = new Map([[202611, 250_000]]);
  for (let index = 0; index < 300; index++) {
    const id = `${(index * 211).toString(16).padStart(4, '0')}`;
    world.line(id);
    world.rows.set(id, 10);
  }
  assert.deepEqual(await world.found(), []);
  assert.deepEqual(world.slices, [3, 3, 3]);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type TracePorts, traceEvent } from '../../../src/cli/trace/tracing.ts';
import { TRACE_COMMAND } from '../../../src/cli/trace.ts';
import type { StoredCopy } from '../../../src/clickhouse/event_copies.ts';
import type { FiledCopy } from '../../../src/pipeline/spool/event_finder.ts';
import type { SegmentEntry } from '../../../src/pipeline/spool/ledger/entry.ts';
import { runOnce } from './terminal.ts';

const EVENT_ID = '2c8e1f1e-8a52-4d6e-9d0b-0f3c4b2a1d00';
const FILED: FiledCopy = {
  place: 'sealed',
  table: 'deploy_events',
  segment: 'first',
  copies: 1,
  received_at_ms: 1000,
  sealed_at_ms: 2000,
  is_sent: true,
};
const STORED: StoredCopy = { table: 'deploy_events', segment: 'first', copies: 1, received_at_ms: 1000 };

function entry(kind: SegmentEntry['kind'], segment_id: string, at_ms: number): SegmentEntry {
  return { kind, segment_id, table: 'deploy_events', month: 202611, rows: 1, at_ms, accounts: [], children: [] };
}

function portsOf(known: {
  filed?: readonly (readonly FiledCopy[])[];
  stored?: readonly StoredCopy[] | string;
  entries?: readonly SegmentEntry[];
}): TracePorts & { looks: number; from_ms: number | undefined } {
  const ports = {
    looks: 0,
    from_ms: undefined as number | undefined,
    filed: async () => {
      const copies = known.filed?.[ports.looks] ?? [];
      ports.looks++;
      return { copies, unreadable: [] };
    },
    stored: async () => known.stored ?? [],
    entries: async function* (from_ms: number | undefined) {
      ports.from_ms = from_ms;
      yield* known.entries ?? [];
    },
    describe: async () => undefined,
  };
  return ports;
}

test('a segment that is in ClickHouse and still in the spool is delivered, once', async () => {
  const trace = await traceEvent(EVENT_ID, portsOf({ filed: [[FILED]], stored: [STORED] }));
  assert.deepEqual([trace.state, trace.copies, trace.places.length], ['delivered', 1, 1]);
});

test('the time of delivery is from the books, which are read no further back than the receipt', async () => {
  const ports = portsOf({ stored: [STORED], entries: [entry('delivered', 'other', 1500), entry('delivered', 'first', 3000)] });
  const { places } = await traceEvent(EVENT_ID, ports);
  assert.equal(places[0]?.delivered_at_ms, 3000);
  assert.equal(ports.from_ms, 1000);
});

test('copies of a re-delivered event are counted, and the one that got furthest says where it is', async () => {
  const trace = await traceEvent(EVENT_ID, portsOf({ filed: [[{ ...FILED, segment: 'second', copies: 2 }]], stored: [STORED] }));
  assert.deepEqual([trace.state, trace.copies], ['delivered', 3]);
  assert.deepEqual(
    trace.places.map(({ place, segment }) => `${place} ${segment}`),
    ['delivered first', 'sealed second'],
  );
});

test('what is nowhere is looked for once more, since a replay may have moved it behind our back', async () => {
  const ports = portsOf({ filed: [[], [FILED]] });
  assert.equal((await traceEvent(EVENT_ID, ports)).state, 'sealed');
  const nowhere = portsOf({});
  assert.equal((await traceEvent(EVENT_ID, nowhere)).state, 'unknown');
  assert.equal(nowhere.looks, 2);
});

test('a ClickHouse that is away is told, and what is in the files is told all the same', async () => {
  const trace = await traceEvent(EVENT_ID, portsOf({ filed: [[FILED]], stored: 'No answer' }));
  assert.deepEqual([trace.state, trace.clickhouse_problem], ['sealed', 'No answer']);
  const nowhere = await traceEvent(EVENT_ID, portsOf({ stored: 'No answer' }));
  assert.deepEqual([nowhere.state, nowhere.clickhouse_problem], ['unknown', 'No answer']);
});

test('what is no UUID is wrong usage, and so is nothing at all', async () => {
  for (const line of [['trace', 'nonsense'], ['trace', `${EVENT_ID}0`], ['trace', ''], ['trace']]) {
    const { code, stdout, stderr } = await runOnce(line, [TRACE_COMMAND]);
    assert.deepEqual([code, stdout], [2, ''], line.join(' '));
    assert.match(stderr, /EVENT_ID (must be a UUID|is missing)/);
  }
});

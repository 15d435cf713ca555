/**
 * Puts together what the files, ClickHouse, the books and the dead letters know of one event.
 *
 * An event moves on while it is looked for, from the files into ClickHouse; so the files are looked at first, and a segment that is in both is delivered: its
 * file is about to go. A dead letter that is replayed goes the other way, so what is nowhere is looked for once more.
 */
import type { StoredCopy } from '../../clickhouse/event_copies.ts';
import type { FiledCopies, FiledCopy, FilePlace } from '../../pipeline/spool/event_finder.ts';
import type { SegmentEntry } from '../../pipeline/spool/ledger/entry.ts';
import type { LetterDescription } from '../../pipeline/spool/letter_files.ts';

/** `delivered`: in ClickHouse. The others as `FilePlace` has them. */
export type Place = 'delivered' | FilePlace;

/** The copies of the event in one segment. */
export interface TracedCopy {
  readonly place: Place;
  readonly table: string;
  readonly segment: string;
  readonly copies: number;
  /** Oldest receipt of the event in ClickHouse; of any event of the segment in a file. */
  readonly received_at_ms: number | undefined;
  readonly sealed_at_ms?: number | undefined;
  /** In a file: it was sent to ClickHouse, which has not confirmed it. */
  readonly is_sent?: boolean;
  /** By the books of this data directory; undefined when another daemon delivered it, or they are older than 90 days. */
  readonly delivered_at_ms?: number | undefined;
  /** Of a dead letter. */
  readonly rejected_at?: string | undefined;
  readonly reason?: { readonly code: string; readonly message: string } | undefined;
}

export interface Trace {
  readonly event_id: string;
  /** Where the copy is that got furthest; `unknown` when there is none. */
  readonly state: Place | 'unknown';
  /** Rows in all places; more than one when its sender delivered it again. */
  readonly copies: number;
  readonly places: readonly TracedCopy[];
  /** Damaged files that could not be looked through: it may be in there. */
  readonly unreadable: readonly string[];
  /** Why ClickHouse could not be asked; undefined when it answered. */
  readonly clickhouse_problem: string | undefined;
}

export interface TracePorts {
  filed(event_id: string): Promise<FiledCopies>;
  /** Resolves to the reason, in words, when ClickHouse does not answer. */
  stored(event_id: string): Promise<readonly StoredCopy[] | string>;
  /** Entries of the books that are not older. */
  entries(from_ms: number | undefined): AsyncIterable<SegmentEntry>;
  describe(table: string, segment: string): Promise<LetterDescription | undefined>;
}

/** How far an event has come, furthest first. */
const PROGRESS: readonly Place[] = ['delivered', 'sealed', 'open', 'replay', 'dead_letter', 'quarantine'];

/** @param event_id a UUID in lower case */
export async function traceEvent(event_id: string, ports: TracePorts): Promise<Trace> {
  const first = await look(event_id, ports);
  return first.copies === 0 && first.clickhouse_problem === undefined ? await look(event_id, ports) : first;
}

async function look(event_id: string, ports: TracePorts): Promise<Trace> {
  const { copies: filed, unreadable } = await ports.filed(event_id);
  const answer = await ports.stored(event_id);
  const stored = typeof answer === 'string' ? [] : answer;
  const stored_segments = new Set(stored.map(({ segment }) => segment));
  const places: TracedCopy[] = await addDeliveryTimes(stored, ports);
  for (const copy of filed) if (!stored_segments.has(copy.segment)) places.push(await addReason(copy, ports));
  places.sort((left, right) => PROGRESS.indexOf(left.place) - PROGRESS.indexOf(right.place));
  return {
    event_id,
    state: places[0]?.place ?? 'unknown',
    copies: places.reduce((sum, { copies }) => sum + copies, 0),
    places,
    unreadable,
    clickhouse_problem: typeof answer === 'string' ? answer : undefined,
  };
}

async function addDeliveryTimes(stored: readonly StoredCopy[], ports: TracePorts): Promise<TracedCopy[]> {
  if (stored.length === 0) return [];
  const delivered = new Map<string, number | undefined>(stored.map(({ segment }) => [segment, undefined]));
  const receipts = stored.map(({ received_at_ms }) => received_at_ms);
  // Nothing is delivered before it is received: older books need not be read.
  const from_ms = receipts.includes(undefined) ? undefined : Math.min(...receipts.filter((at_ms) => at_ms !== undefined));
  for await (const { kind, segment_id, at_ms } of ports.entries(from_ms)) {
    if (kind === 'delivered' && delivered.has(segment_id)) delivered.set(segment_id, at_ms);
  }
  return stored.map((copy) => ({ place: 'delivered', ...copy, delivered_at_ms: delivered.get(copy.segment) }));
}

async function addReason(copy: FiledCopy, ports: TracePorts): Promise<TracedCopy> {
  if (copy.place !== 'dead_letter' && copy.place !== 'replay') return copy;
  const description = await ports.describe(copy.table, copy.segment);
  return { ...copy, rejected_at: description?.rejected_at, reason: description?.reason };
}

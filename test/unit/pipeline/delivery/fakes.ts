/** The world of Delivery, turned by hand: a clock, a ClickHouse that keeps tokens and rows apart, a spool in memory. */
import { Readable } from 'node:stream';
import type { Clock, Random, Timer } from '../../../../src/contract/ports.ts';
import type { SealedSegment, SegmentStore } from '../../../../src/contract/segment.ts';
import { type FailureAction, type InsertRequest, type Sink, SinkFailure } from '../../../../src/contract/sink.ts';
import { Delivery } from '../../../../src/pipeline/delivery/delivery.ts';
import { DELIVERY_LIMITS, type DeliveryLimits } from '../../../../src/pipeline/delivery/limits.ts';
import type { DeliveryObserver } from '../../../../src/pipeline/delivery/report.ts';

export const ROWS = 10;

/** Time stands still until it is advanced. */
export class HandClock implements Clock {
  #now_ms = 0;
  #timers: { due_ms: number; callback: () => void }[] = [];

  nowMs(): number {
    return 1_700_000_000_000 + this.#now_ms;
  }

  monotonicMs(): number {
    return this.#now_ms;
  }

  schedule(delay_ms: number, callback: () => void): Timer {
    const timer = { due_ms: this.#now_ms + delay_ms, callback };
    this.#timers.push(timer);
    return {
      cancel: () => {
        this.#timers = this.#timers.filter((other) => other !== timer);
      },
    };
  }

  /** Lets everything that can happen without time happen, then passes `duration_ms`, timer by timer. */
  async advance(duration_ms: number): Promise<void> {
    const end_ms = this.#now_ms + duration_ms;
    await quiet();
    for (;;) {
      const next = this.#timers.filter((timer) => timer.due_ms <= end_ms).sort((one, other) => one.due_ms - other.due_ms)[0];
      if (next === undefined) break;
      this.#timers = this.#timers.filter((timer) => timer !== next);
      this.#now_ms = Math.max(this.#now_ms, next.due_ms);
      next.callback();
      await quiet();
    }
    this.#now_ms = end_ms;
  }
}

const QUIET_TURNS = 12;

/** Until all promises that need no time are settled. One promise and not one a turn: the runner watches each, and a test may turn for days. */
export function quiet(): Promise<void> {
  return new Promise((resolve) => {
    let turns = 0;
    const turn = (): void => {
      if (++turns === QUIET_TURNS) resolve();
      else setImmediate(turn);
    };
    setImmediate(turn);
  });
}

export type Behaviour = (request: InsertRequest) => Promise<void> | void;

/** A ClickHouse whose token log and rows can be made to disagree. Unscripted INSERTs succeed. */
export class ModelSink implements Sink {
  readonly rows = new Map<string, number>();
  readonly tokens = new Set<string>();
  /** Query ids of statements that the server still runs. */
  readonly running = new Set<string>();
  /** Tokens of all INSERTs in their order. */
  readonly inserts: InsertRequest[] = [];
  readonly script: Behaviour[] = [];
  /** Rows of a segment, where they are not ROWS. */
  readonly sizes = new Map<string, number>();
  /** What an INSERT does that no script speaks of. */
  usual: Behaviour = (request) => this.commit(request);
  /** When set, questions fail with it. */
  question_failure: SinkFailure | undefined;
  questions = 0;
  under_way = 0;
  under_way_max = 0;

  tokensSent(): string[] {
    return this.inserts.map((request) => request.deduplication_token);
  }

  /** What a healthy server does. */
  commit(request: InsertRequest): void {
    if (this.tokens.has(request.deduplication_token)) return;
    this.tokens.add(request.deduplication_token);
    const segment = segmentOf(request);
    this.rows.set(segment, (this.rows.get(segment) ?? 0) + (this.sizes.get(segment) ?? ROWS));
  }

  async insert(request: InsertRequest): Promise<void> {
    this.inserts.push(request);
    this.under_way++;
    this.under_way_max = Math.max(this.under_way_max, this.under_way);
    try {
      const behaviour = this.script.shift() ?? this.usual;
      await behaviour(request);
    } finally {
      this.under_way--;
    }
  }

  async isRunning(query_id_prefix: string): Promise<boolean> {
    this.questions++;
    if (this.question_failure !== undefined) throw this.question_failure;
    return [...this.running].some((query_id) => query_id.startsWith(query_id_prefix));
  }

  async countRows(_table: string, segment_id: string): Promise<number> {
    if (this.question_failure !== undefined) throw this.question_failure;
    return this.rows.get(segment_id) ?? 0;
  }
}

export function segmentOf(request: InsertRequest): string {
  return request.deduplication_token.split('/')[0] ?? '';
}

/** A spool that remembers what was done to it. Entries of `failures` are thrown, one per call. */
export class MemorySegments implements SegmentStore {
  readonly log: string[] = [];
  readonly failures: Record<'open' | 'takeToken' | 'retire' | 'quarantine' | 'split' | 'deadLetter', Error[]> = {
    open: [],
    takeToken: [],
    retire: [],
    quarantine: [],
    split: [],
    deadLetter: [],
  };
  /** Called with each half that a split made. */
  on_half: (half: SealedSegment) => void = () => undefined;
  /** First rows of the segments that were given up, within the segment that they were cut out of. */
  readonly letters: number[] = [];

  async open(segment: SealedSegment): Promise<Readable> {
    this.#record('open', segment);
    return Readable.from([Buffer.alloc(segment.native_bytes)], { objectMode: false });
  }

  async takeToken(segment: SealedSegment): Promise<SealedSegment> {
    this.#record('takeToken', segment);
    return { ...segment, tokens: segment.tokens + 1 };
  }

  async retire(segment: SealedSegment): Promise<void> {
    this.#record('retire', segment);
  }

  async quarantine(segment: SealedSegment): Promise<void> {
    this.#record('quarantine', segment);
  }

  /** Halves of `a` are `a0` and `a1`. */
  async split(segment: SealedSegment): Promise<readonly [SealedSegment, SealedSegment]> {
    this.#record('split', segment);
    const cut = Math.floor(segment.rows / 2);
    const { root = segment.id, first_row = 0 } = segment.origin ?? {};
    const half = (index: number, rows: number, from: number): SealedSegment => {
      const origin = { parent: segment.id, root, first_row: first_row + from };
      return { ...segment, id: `${segment.id}${index}`, rows, tokens: 0, origin };
    };
    const halves = [half(0, cut, 0), half(1, segment.rows - cut, cut)] as const;
    for (const each of halves) this.on_half(each);
    return halves;
  }

  async deadLetter(segment: SealedSegment): Promise<void> {
    this.#record('deadLetter', segment);
    this.letters.push(segment.origin?.first_row ?? 0);
  }

  done(method: string): string[] {
    return this.log.filter((line) => line.startsWith(`${method} `)).map((line) => line.slice(method.length + 1));
  }

  #record(method: keyof MemorySegments['failures'], segment: SealedSegment): void {
    const failure = this.failures[method].shift();
    if (failure !== undefined) throw failure;
    this.log.push(`${method} ${segment.id}`);
  }
}

export function sealed(id: string, sequence: number, changes: Partial<SealedSegment> = {}): SealedSegment {
  return {
    id,
    table: 'deploy_events',
    month: 202611,
    sequence,
    columns: ['event_id', 'ingest_segment'],
    rows: ROWS,
    native_bytes: 64,
    file_bytes: 100,
    received_at_ms: 1_000 + sequence,
    sealed_at_ms: 2_000 + sequence,
    accounts: [],
    tokens: 0,
    ...changes,
  };
}

export function failing(action: FailureAction, in_doubt: boolean, code = 'TEST'): Behaviour {
  return () => {
    throw new SinkFailure(`scripted ${code}`, in_doubt, action, code);
  };
}

export interface World {
  readonly clock: HandClock;
  readonly sink: ModelSink;
  readonly segments: MemorySegments;
  readonly delivery: Delivery;
  /** `table:state`, `delivered:id`, … in their order. */
  readonly events: string[];
}

/** A started Delivery in its world; jitter is taken out of it (`fraction` is always nearly 1). */
export function world(changes: Partial<DeliveryLimits> = {}): World {
  const clock = new HandClock();
  const sink = new ModelSink();
  const segments = new MemorySegments();
  segments.on_half = ({ id, rows }) => sink.sizes.set(id, rows);
  const events: string[] = [];
  let uuids = 0;
  const random: Random = { fraction: () => 0.999, uuid: () => `try-${++uuids}` };
  const observer: DeliveryObserver = {
    inserted: (segment) => events.push(`inserted:${segment.id}`),
    delivered: (segment) => events.push(`delivered:${segment.id}`),
    failed: (segment, failure) => events.push(`failed:${segment.id}:${failure.action}:${failure.code}`),
    parked: (segment) => events.push(`parked:${segment.id}`),
    split: (segment) => events.push(`split:${segment.id}`),
    deadLettered: (segment) => events.push(`dead_lettered:${segment.id}`),
    quarantined: (segment) => events.push(`quarantined:${segment.id}`),
    stateChanged: (table, state) => events.push(`${table}:${state}`),
  };
  const delivery = new Delivery({ sink, segments, clock, random, observer }, { ...DELIVERY_LIMITS, ...changes });
  delivery.start();
  return { clock, sink, segments, delivery, events };
}

/** A behaviour that hangs until it is let go. */
export function gate(): { behaviour: (after: Behaviour) => Behaviour; open: () => void } {
  let open: () => void = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return {
    behaviour: (after) => async (request) => {
      await opened;
      await after(request);
    },
    open: () => open(),
  };
}

/** A ClickHouse that rejects every block with a bad row in it, as a constraint does: after the INSERT began, so that it is in doubt. */
export function rejectRows({ sink, segments }: World, is_bad: (segment: string, row: number) => boolean): void {
  const places = new Map<string, { root: string; first_row: number; rows: number }>();
  const on_half = segments.on_half;
  segments.on_half = (half) => {
    on_half(half);
    places.set(half.id, { root: half.origin?.root ?? half.id, first_row: half.origin?.first_row ?? 0, rows: half.rows });
  };
  sink.usual = (request) => {
    const id = segmentOf(request);
    const { root, first_row, rows } = places.get(id) ?? { root: id, first_row: 0, rows: sink.sizes.get(id) ?? ROWS };
    for (let row = first_row; row < first_row + rows; row++) {
      if (is_bad(root, row)) throw new SinkFailure(`row ${row} is bad`, true, 'dead_letter', '469');
    }
    sink.commit(request);
  };
}

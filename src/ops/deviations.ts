/**
 * Events that are stored although they are not as their source knows events: what the live page shows of them, and the log lines.
 * It is the sender that changed, so that one line in a while tells as much as thousands.
 *
 * Bounded by the kinds of deviations and the types of events that sources declare. Counts are since the start; the rows themselves
 * say `valid = 0` and why.
 */
import type { Clock } from '../contract/ports.ts';
import type { Deviation } from '../contract/source.ts';

/** Between two lines about the same. */
const LOG_INTERVAL_MS = 60_000;

/** All deviations of one kind in events of one type. */
export interface DeviationFigures {
  readonly source: string;
  readonly type: string;
  readonly kind: string;
  readonly events: number;
  readonly first_at_ms: number;
  readonly last_at_ms: number;
  /** Of the latest. */
  readonly reason: string;
}

interface Entry extends DeviationFigures {
  readonly logged_at_ms: number;
  readonly unlogged_events: number;
}

export interface DeviationPorts {
  readonly clock: Clock;
  /** Writes one line. `events` is how many there were since the line before. */
  log(line: {
    readonly source: string;
    readonly type: string;
    readonly kind: string;
    readonly reason: string;
    readonly events: number;
  }): void;
}

export class Deviations {
  private readonly entries = new Map<string, Entry>();

  constructor(private readonly ports: DeviationPorts) {}

  note(source: string, { type, kind, reason }: Deviation): void {
    const name = `${source} ${type} ${kind}`;
    const now_ms = this.ports.clock.nowMs();
    const known = this.entries.get(name);
    const unlogged_events = (known?.unlogged_events ?? 0) + 1;
    const is_due = known === undefined || now_ms - known.logged_at_ms >= LOG_INTERVAL_MS;
    if (is_due) this.ports.log({ source, type, kind, reason, events: unlogged_events });
    this.entries.set(name, {
      source,
      type,
      kind,
      reason,
      events: (known?.events ?? 0) + 1,
      first_at_ms: known?.first_at_ms ?? now_ms,
      last_at_ms: now_ms,
      logged_at_ms: is_due ? now_ms : known.logged_at_ms,
      unlogged_events: is_due ? 0 : unlogged_events,
    });
  }

  /** The latest first. */
  figures(): readonly DeviationFigures[] {
    return [...this.entries.values()]
      .toSorted((left, right) => right.last_at_ms - left.last_at_ms)
      .map(({ logged_at_ms: _logged, unlogged_events: _unlogged, ...figures }) => figures);
  }
}

/**
 * The last warnings and errors of the log, for the page: bounded in number and length, the same one again only counted.
 *
 * A page may be shown to more people than a log. So only fields that are known to be harmless are taken, and of texts that others
 * wrote (ClickHouse, the operating system) what stands in quotes is left out, since it may be somebody's data.
 */
import type { Clock } from '../../contract/ports.ts';
import type { LogFields } from '../logger.ts';

export const PROBLEMS_MAX = 50;
const TEXT_CHARACTERS_MAX = 240;

/** pino's numbers. */
const WARNING = 40;
const ERROR = 50;

/** Names and numbers of our own, and texts that are cleaned. */
const OWN_FIELDS = ['table', 'state', 'action', 'code', 'registry', 'route', 'rows'] as const;
const FOREIGN_FIELDS = ['message', 'reason', 'error'] as const;

export interface Problem {
  readonly id: number;
  readonly level: 'warning' | 'error';
  /** The name of the log line. */
  readonly event: string;
  readonly text: string;
  readonly first_ms: number;
  readonly last_ms: number;
  readonly times: number;
}

export class ProblemRing {
  private readonly kept: Problem[] = [];
  private readonly listeners = new Set<() => void>();
  private next_id = 1;

  constructor(private readonly clock: Pick<Clock, 'nowMs'>) {}

  /** Takes a line of the log; those that are no warning or error are passed over. */
  add(severity: number, event: string, fields: LogFields): void {
    if (severity < WARNING) return;
    const level = severity >= ERROR ? 'error' : 'warning';
    const text = textOf(fields);
    const now_ms = this.clock.nowMs();
    const again = this.kept.findIndex((problem) => problem.event === event && problem.text === text && problem.level === level);
    const [known] = again < 0 ? [] : this.kept.splice(again, 1);
    this.kept.push(
      known === undefined
        ? { id: this.next_id++, level, event, text, first_ms: now_ms, last_ms: now_ms, times: 1 }
        : { ...known, last_ms: now_ms, times: known.times + 1 },
    );
    if (this.kept.length > PROBLEMS_MAX) this.kept.shift();
    for (const listener of this.listeners) listener();
  }

  /** The latest first. */
  list(): readonly Problem[] {
    return this.kept.toReversed();
  }

  /** @returns a function that ends it */
  listen(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }
}

function textOf(fields: LogFields): string {
  const own = OWN_FIELDS.filter((name) => isScalar(fields[name])).map((name) => `${name} ${fields[name]}`);
  const foreign = FOREIGN_FIELDS.map((name) => clean(fields[name])).filter((text) => text !== '');
  return [own.join(', '), ...foreign]
    .filter((text) => text !== '')
    .join(': ')
    .slice(0, TEXT_CHARACTERS_MAX);
}

function isScalar(value: unknown): value is string | number | boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}

/** The first line, without what is quoted and without the user of an address. */
function clean(value: unknown): string {
  const text = value instanceof Error ? value.message : typeof value === 'string' ? value : '';
  return (text.split('\n', 1)[0] ?? '')
    .slice(0, 4 * TEXT_CHARACTERS_MAX)
    .replace(/\/\/[^/\s@]*@/g, '//…@')
    .replace(/'[^']*'?|"[^"]*"?|`[^`]*`?/g, '…');
}

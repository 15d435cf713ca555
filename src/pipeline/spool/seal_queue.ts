/**
 * Closed segments on their way to being sealed, a few at a time, in order. What fails is tried again after a while, behind the others; nothing is dropped.
 *
 * Bounded by the spool's size on the disk; of those that wait long only the file's name stays in memory.
 */
import type { Clock, Timer } from '../../contract/ports.ts';
import type { ClosedSegment } from './open_segments.ts';

const SEALS_AT_ONCE = 2;
const RETRY_DELAY_MS = 1000;
/** Those further back in the queue are scanned again when it is their turn, rather than keeping their records in memory. */
const RECORD_TABLES_MAX = 4;

export interface SealQueueHooks {
  seal(closed: ClosedSegment): Promise<void>;
  /** Says whether the segment's own file may be what is wrong: that is counted, and bounds how often it is tried as if nothing were. */
  failed(closed: ClosedSegment, error: unknown): boolean;
}

export class SealQueue {
  private waiting: ClosedSegment[] = [];
  private readonly running = new Set<ClosedSegment>();
  private retry_timer: Timer | undefined;
  private is_stopped = false;
  private idle_listeners: (() => void)[] = [];

  constructor(
    private readonly clock: Clock,
    private readonly hooks: SealQueueHooks,
  ) {}

  get count(): number {
    return this.waiting.length + this.running.size;
  }

  /** Whether there is more than is being sealed: then it comes faster than it goes, or somebody waits for all of it. */
  get isBehind(): boolean {
    return this.waiting.length > 0;
  }

  /** How many of a table wait or are being sealed. */
  countOf(table: string): number {
    return [...this.running, ...this.waiting].filter(({ segment }) => segment.table === table).length;
  }

  /** The oldest receipt among those whose receipts are known; Infinity without any. */
  oldestReceivedAtMs(): number {
    let oldest_ms = Number.POSITIVE_INFINITY;
    for (const closed of [...this.running, ...this.waiting]) oldest_ms = Math.min(oldest_ms, closed.received_at_ms ?? oldest_ms);
    return oldest_ms;
  }

  add(closed: ClosedSegment): void {
    this.waiting.push(this.waiting.length < RECORD_TABLES_MAX ? closed : withoutMemory(closed));
    this.fill();
  }

  /** Tries everything that waits at once, and resolves when each is sealed or has failed once more. */
  async settle(): Promise<void> {
    this.retry_timer?.cancel();
    this.retry_timer = undefined;
    this.fill();
    await this.untilIdle();
  }

  /** Starts nothing more and resolves when what runs has ended. */
  async stop(): Promise<void> {
    this.is_stopped = true;
    this.retry_timer?.cancel();
    await this.untilIdle();
  }

  private untilIdle(): Promise<void> {
    return new Promise((resolve) => {
      this.idle_listeners.push(resolve);
      this.notifyIfIdle();
    });
  }

  private fill(): void {
    while (!this.is_stopped && this.retry_timer === undefined && this.running.size < SEALS_AT_ONCE) {
      const closed = this.waiting.shift();
      if (closed === undefined) return;
      this.running.add(closed);
      void this.sealOne(closed);
    }
  }

  private async sealOne(closed: ClosedSegment): Promise<void> {
    try {
      await this.hooks.seal(closed);
    } catch (error) {
      const failed_seals = closed.failed_seals + Number(this.hooks.failed(closed, error));
      this.waiting.push({ ...withoutMemory(closed), failed_seals });
      this.scheduleRetry();
    }
    this.running.delete(closed);
    this.fill();
    this.notifyIfIdle();
  }

  private scheduleRetry(): void {
    this.retry_timer?.cancel();
    if (this.is_stopped) return;
    this.retry_timer = this.clock.schedule(RETRY_DELAY_MS, () => {
      this.retry_timer = undefined;
      this.fill();
    });
  }

  private notifyIfIdle(): void {
    if (this.running.size > 0) return;
    const is_waiting = this.waiting.length > 0 && this.retry_timer === undefined && !this.is_stopped;
    if (is_waiting) return;
    const listeners = this.idle_listeners;
    this.idle_listeners = [];
    for (const listener of listeners) listener();
  }
}

/** What is known of the segment by its name alone. */
function withoutMemory(closed: ClosedSegment): ClosedSegment {
  closed.held?.drop();
  return { ...closed, records: undefined, held: undefined };
}

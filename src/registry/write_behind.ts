/**
 * Writes what is true already into the registry, behind the requests that it is about: many items with one durable write, in their order.
 * What cannot be written stays and is tried again.
 */
import { OperatingError } from '../contract/errors.ts';
import type { Clock, Timer } from '../contract/ports.ts';
import type { DeskLimits, DeskObserver } from './options.ts';

export interface WriteBehindPorts<Item> {
  readonly clock: Clock;
  readonly observer: DeskObserver;
  /** Resolves when the items are durable; rejects with `registry_unavailable`. */
  keep(items: readonly Item[]): Promise<void>;
  written(item: Item): void;
}

export class WriteBehind<Item> {
  /** Why the registry could not be written or read the last time; undefined when it could. */
  problem: OperatingError | undefined;
  private unwritten: Item[] = [];
  private added_count = 0;
  private written_count = 0;
  private flushes: { readonly count: number; readonly resolve: () => void }[] = [];
  private writing: Promise<boolean> | undefined;
  private timer: Timer | undefined;
  private is_closed = false;

  constructor(
    private readonly ports: WriteBehindPorts<Item>,
    private readonly limits: DeskLimits,
  ) {}

  add(item: Item): void {
    this.unwritten.push(item);
    this.added_count++;
    if (this.unwritten.length >= this.limits.batch_max) this.write();
    else this.writeWithin(this.limits.write_delay_ms);
  }

  /** Resolves when all that was added by now is durable, however long it cannot be written. */
  flush(): Promise<void> {
    if (this.written_count === this.added_count) return Promise.resolve();
    return new Promise((resolve) => {
      this.flushes.push({ count: this.added_count, resolve });
      this.write();
    });
  }

  /** The same, but rejects with `problem` where it cannot be written now. */
  async flushNow(): Promise<void> {
    const count = this.added_count;
    while (this.written_count < count) {
      if (!(await this.write())) throw this.problem ?? new OperatingError('registry_unavailable', { reason: 'it could not be written' });
    }
  }

  /** Writes what can be written, and no more by itself. */
  async close(): Promise<void> {
    this.is_closed = true;
    do if (!(await this.write())) break;
    while (this.unwritten.length > 0);
    this.timer?.cancel();
  }

  fail(error: OperatingError): void {
    this.problem = error;
    this.ports.observer.failed(error);
  }

  private writeWithin(delay_ms: number): void {
    if (!this.is_closed) this.timer ??= this.ports.clock.schedule(delay_ms, () => void this.write());
  }

  /** Resolves to whether some of what is there now could be written. */
  private write(): Promise<boolean> {
    this.timer?.cancel();
    this.timer = undefined;
    this.writing ??= this.writeSome().then((is_written) => {
      this.writing = undefined;
      this.goOn(is_written);
      return is_written;
    });
    return this.writing;
  }

  /** What came meanwhile has time to find company, unless there is much of it or somebody waits. */
  private goOn(is_written: boolean): void {
    if (this.unwritten.length === 0) return;
    if (!is_written) this.writeWithin(this.limits.retry_ms);
    else if (this.unwritten.length >= this.limits.batch_max || this.flushes.length > 0) void this.write();
    else this.writeWithin(this.limits.write_delay_ms);
  }

  private async writeSome(): Promise<boolean> {
    if (this.unwritten.length === 0) return true;
    const { clock, observer } = this.ports;
    const batch = this.unwritten.slice(0, this.limits.batch_max);
    const started_ms = clock.monotonicMs();
    try {
      await this.ports.keep(batch);
    } catch (error) {
      if (!(error instanceof OperatingError)) throw error;
      this.fail(error);
      return false;
    }
    this.problem = undefined;
    observer.committed(batch.length, clock.monotonicMs() - started_ms);
    this.took(batch);
    return true;
  }

  private took(batch: readonly Item[]): void {
    this.unwritten = this.unwritten.slice(batch.length);
    this.written_count += batch.length;
    for (const item of batch) this.ports.written(item);
    this.flushes = this.flushes.filter(({ count, resolve }) => {
      if (count <= this.written_count) resolve();
      return count > this.written_count;
    });
  }
}

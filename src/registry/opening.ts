/**
 * Opens a desk at a start: what an earlier run left is brought into the registry first, and where that cannot be done now it is tried again, again and
 * again, until it is or the daemon ends.
 */
import { AssertionError } from 'node:assert';
import { OperatingError } from '../contract/errors.ts';
import type { Clock, Timer } from '../contract/ports.ts';

const AGAIN_MS = 1_000;

export interface OpeningPorts {
  readonly clock: Clock;
  /** Recovers and opens, unless it is told by `isClosed` that there is no more use in it. Whatever it throws but an assertion is tried again. */
  open(is_closed: () => boolean): Promise<void>;
  /** It could not be opened this time. */
  failed(error: OperatingError): void;
}

export class Opening {
  private timer: Timer | undefined;
  private running: Promise<void> = Promise.resolve();
  private is_closed = false;
  /** It was opened, and not while it was being closed. */
  is_open = false;
  private end_wait: () => void = () => undefined;
  /** Resolves when it is open, or will not be any more. */
  private readonly over = new Promise<void>((resolve) => {
    this.end_wait = resolve;
  });

  constructor(private readonly ports: OpeningPorts) {}

  /** Tries; resolves when it is open or could not be this time, and then goes on trying. */
  start(): Promise<void> {
    this.running = this.attempt();
    return this.running;
  }

  /**
   * Resolves when it is open.
   *
   * @throws `shutting_down` when it is closed before
   */
  async opened(): Promise<void> {
    await this.over;
    if (!this.is_open) throw new OperatingError('shutting_down');
  }

  /** Tries no more; resolves when nothing is under way. */
  async close(): Promise<void> {
    this.is_closed = true;
    this.timer?.cancel();
    await this.running;
    this.end_wait();
  }

  private async attempt(): Promise<void> {
    const { open, failed, clock } = this.ports;
    try {
      await open(() => this.is_closed);
      // What was closed meanwhile may have left off halfway.
      this.is_open = !this.is_closed;
      this.end_wait();
    } catch (error) {
      if (error instanceof AssertionError) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      failed(error instanceof OperatingError ? error : new OperatingError('registry_unavailable', { reason }, { cause: error }));
      if (!this.is_closed) this.timer = clock.schedule(AGAIN_MS, () => void this.start());
    }
  }
}

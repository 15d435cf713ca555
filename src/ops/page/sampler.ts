/**
 * The one that looks at the daemon every second, however many look at the page. It keeps the samples of the last minutes and tells
 * whoever listens. A look that fails is reported and leaves a gap; it never stops the next one.
 */
import type { Clock, Timer } from '../../contract/ports.ts';
import { type Reading, type Sample, type State, sampleBetween, stateOf } from './sample.ts';

const INTERVAL_MS = 1000;
/** Ten minutes. */
export const SAMPLES_MAX = 600;

export interface SamplerPorts {
  readonly clock: Clock;
  read(): Promise<Reading>;
  failed(error: unknown): void;
}

export interface Look {
  readonly sample: Sample;
  readonly state: State;
}

export class Sampler {
  private readonly kept: Sample[] = [];
  private readonly listeners = new Set<(look: Look) => void>();
  private before: Reading | undefined;
  private latest: State | undefined;
  private timer: Timer | undefined;
  private is_stopped = false;

  /** @param threads how many workers there are */
  constructor(
    private readonly ports: SamplerPorts,
    private readonly threads: number,
  ) {}

  /** Looks for the first time at once, so that a page that opens early has something to show. */
  start(): Promise<void> {
    return this.look();
  }

  stop(): void {
    this.is_stopped = true;
    this.timer?.cancel();
  }

  /** Oldest first. */
  samples(): readonly Sample[] {
    return this.kept;
  }

  /** Undefined before the first look. */
  state(): State | undefined {
    return this.latest;
  }

  /** @returns a function that ends it */
  listen(listener: (look: Look) => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  private async look(): Promise<void> {
    try {
      const now = await this.ports.read();
      const state = stateOf(now, this.threads);
      this.latest = state;
      if (this.before !== undefined) this.keep(sampleBetween(this.before, now), state);
      this.before = now;
    } catch (error) {
      this.ports.failed(error);
    }
    if (!this.is_stopped) this.timer = this.ports.clock.schedule(INTERVAL_MS, () => void this.look());
  }

  private keep(sample: Sample, state: State): void {
    this.kept.push(sample);
    if (this.kept.length > SAMPLES_MAX) this.kept.shift();
    for (const listener of this.listeners) listener({ sample, state });
  }
}

/**
 * Gives memory back to the system when there is nothing to do.
 *
 * Under load the heap grows until V8 marks it (`base/heap_growth.ts`), and what is dead in it keeps buffers outside of it. When the load ends, so do
 * the allocations that would have it marked, and a daemon that rests would hold for good what its busiest minute took. So it collects when it
 * is calm, until that changes nothing any more: some 30 ms each time, when nobody waits.
 */
import type { Clock, Timer } from '../contract/ports.ts';

const CHECK_MS = 5_000;
/** Of one core, from one check to the next. */
const CALM_CPU_SHARE = 0.02;
/** Of what it held: so much more, or less after a collection, and another is worth it. */
const CHANGE_SHARE_MIN = 0.05;

export interface MemoryReturnPorts {
  readonly clock: Clock;
  /** Processor time of this process since its start, milliseconds. */
  cpuMs(): number;
  /** Memory of this process that is in use. */
  residentBytes(): number;
  collect(): void;
}

export class MemoryReturn {
  private timer: Timer | undefined;
  private checked_ms = 0;
  private cpu_ms = 0;
  /** Resident bytes just before the last collection; 0 before the first. */
  private rest_bytes = 0;

  constructor(private readonly ports: MemoryReturnPorts) {}

  start(): void {
    this.checked_ms = this.ports.clock.monotonicMs();
    this.cpu_ms = this.ports.cpuMs();
    this.timer = this.ports.clock.schedule(CHECK_MS, () => this.check());
  }

  stop(): void {
    this.timer?.cancel();
  }

  private check(): void {
    const { clock } = this.ports;
    const cpu_share = (this.ports.cpuMs() - this.cpu_ms) / (clock.monotonicMs() - this.checked_ms);
    if (cpu_share <= CALM_CPU_SHARE) this.collectIfChanged(this.ports.residentBytes());
    this.start();
  }

  /** What a collection frees goes back to the system behind it, and buffers only after the turn: the next check tells what it brought. */
  private collectIfChanged(resident_bytes: number): void {
    if (Math.abs(resident_bytes - this.rest_bytes) <= this.rest_bytes * CHANGE_SHARE_MIN) return;
    this.rest_bytes = resident_bytes;
    this.ports.collect();
  }
}

/**
 * Requests whose claim met another one that is not decided yet: until it is, or until they have waited long enough.
 *
 * Those behind an event of this daemon are called when it is decided; those behind somebody else's, which nobody tells us of, at every tick. It ticks only
 * while somebody waits.
 */
import type { Clock, Timer } from '../contract/ports.ts';

export interface Waiting {
  readonly deadline_ms: number;
}

export interface WaitingRoomHooks<Guest extends Waiting> {
  /** Their turn to ask again. */
  called(guests: readonly Guest[]): void;
  overdue(guest: Guest): void;
}

export class WaitingRoom<Guest extends Waiting> {
  private readonly behind_events = new Map<string, Guest[]>();
  private behind_others: Guest[] = [];
  private timer: Timer | undefined;
  count = 0;

  constructor(
    private readonly clock: Clock,
    private readonly tick_ms: number,
    private readonly hooks: WaitingRoomHooks<Guest>,
  ) {}

  /** @param event_id of this daemon's event; undefined: of somebody else */
  add(guest: Guest, event_id: string | undefined): void {
    this.count++;
    const guests = event_id === undefined ? this.behind_others : (this.behind_events.get(event_id) ?? []);
    guests.push(guest);
    if (event_id !== undefined) this.behind_events.set(event_id, guests);
    this.timer ??= this.clock.schedule(this.tick_ms, () => this.tick());
  }

  /** The event is decided. Returns whether anybody waited for it. */
  decided(event_id: string): boolean {
    const guests = this.behind_events.get(event_id);
    if (guests === undefined) return false;
    this.behind_events.delete(event_id);
    this.call(guests);
    return true;
  }

  /** Sends everybody away as overdue. */
  clear(): void {
    this.timer?.cancel();
    this.timer = undefined;
    const guests = [...this.behind_others, ...[...this.behind_events.values()].flat()];
    this.behind_others = [];
    this.behind_events.clear();
    this.count = 0;
    for (const guest of guests) this.hooks.overdue(guest);
  }

  private tick(): void {
    this.timer = undefined;
    const now_ms = this.clock.monotonicMs();
    for (const [event_id, guests] of this.behind_events) {
      const patient = this.sendAway(guests, now_ms);
      if (patient.length === 0) this.behind_events.delete(event_id);
      else this.behind_events.set(event_id, patient);
    }
    const patient = this.sendAway(this.behind_others, now_ms);
    this.behind_others = [];
    this.call(patient);
    if (this.count > 0) this.timer ??= this.clock.schedule(this.tick_ms, () => this.tick());
  }

  /** Those that still have time. */
  private sendAway(guests: readonly Guest[], now_ms: number): Guest[] {
    const patient = guests.filter(({ deadline_ms }) => deadline_ms > now_ms);
    if (patient.length === guests.length) return patient;
    this.count -= guests.length - patient.length;
    for (const guest of guests) {
      if (guest.deadline_ms <= now_ms) this.hooks.overdue(guest);
    }
    return patient;
  }

  private call(guests: readonly Guest[]): void {
    this.count -= guests.length;
    if (guests.length > 0) this.hooks.called(guests);
  }
}

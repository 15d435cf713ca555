/**
 * The deliveries of a data directory from one run to the next. A run that ended well has written all of them into the registry. After any
 * other the spool is looked through: each event of a delivery that stands there is one.
 */
import { OperatingError } from '../contract/errors.ts';
import type { Clock } from '../contract/ports.ts';
import type { SpoolEvents } from '../contract/version_claims.ts';
import type { DeliveryDesk, DeliveryStore } from './delivery_desk.ts';
import type { DeliveryFacts } from './facts.ts';
import { Opening } from './opening.ts';

export interface RecoveryPorts {
  readonly desk: DeliveryDesk;
  readonly store: DeliveryStore;
  readonly events: SpoolEvents;
  readonly facts: DeliveryFacts;
  readonly clock: Clock;
}

export class DeliveryRecovery {
  private readonly opening: Opening;

  constructor(private readonly ports: RecoveryPorts) {
    const { clock, desk } = ports;
    this.opening = new Opening({ clock, open: (is_closed) => this.open(is_closed), failed: (error) => desk.fail(error) });
  }

  /** Tries to open the desk; resolves when it is open or could not be this time, and then goes on trying. */
  start(): Promise<void> {
    return this.opening.start();
  }

  /**
   * Resolves when what an earlier run left in the spool is known to the registry: until then no segment that holds deliveries may go.
   *
   * @throws `shutting_down` when the registry closes before
   */
  opened(): Promise<void> {
    return this.opening.opened();
  }

  /** Closes the desk, and notes whether the next start need not look through the spool. */
  async close(): Promise<void> {
    await this.opening.close();
    const is_complete = await this.ports.desk.close();
    if (!this.opening.is_open || !is_complete) return;
    await this.ports.facts.setEndedWell(true).catch((error: unknown) => {
      if (!(error instanceof OperatingError)) throw error;
    });
  }

  private async open(is_closed: () => boolean): Promise<void> {
    const { desk, facts } = this.ports;
    if (!facts.ended_well) await this.recover(is_closed);
    await facts.setEndedWell(false);
    if (!is_closed()) desk.open();
  }

  private async recover(is_closed: () => boolean): Promise<void> {
    const { events, facts, store, clock } = this.ports;
    for (const table of facts.delivery_tables) {
      await events.each(table, async (event_ids) => {
        const unknown = event_ids.map((event_id) => event_id.toLowerCase()).filter((event_id) => !store.has(event_id));
        if (unknown.length > 0 && !is_closed()) await store.keep(unknown, clock.nowMs());
      });
    }
  }
}

/**
 * The deliveries of a data directory from one run to the next. A run that ended well has written all of them into the registry. After any
 * other the spool is looked through: each event of a delivery that stands there is one, under its event's id, since that is what the
 * spool knows of it.
 */
import { OperatingError } from '../contract/errors.ts';
import type { Clock } from '../contract/ports.ts';
import type { KeyClaim, SpoolEvents } from '../contract/version_claims.ts';
import { DELIVERY_KEPT_MS } from './claim_keys.ts';
import { type DeliveryDesk, type DeliveryStore, recoveredKey } from './delivery_desk.ts';
import type { DeliveryFacts } from './facts.ts';
import { Opening } from './opening.ts';

export interface RecoveryPorts {
  readonly desk: DeliveryDesk;
  readonly store: DeliveryStore;
  readonly events: SpoolEvents;
  readonly facts: DeliveryFacts;
  readonly clock: Clock;
}

/** Entries that are written with one commit. */
const PAGE = 4_096;

export class DeliveryRecovery {
  private readonly opening: Opening;
  private is_open = false;

  constructor(private readonly ports: RecoveryPorts) {
    const { clock, desk } = ports;
    this.opening = new Opening({ clock, open: (is_closed) => this.open(is_closed), failed: (error) => desk.fail(error) });
  }

  /** Tries to open the desk; resolves when it is open or could not be this time, and then goes on trying. */
  start(): Promise<void> {
    return this.opening.start();
  }

  /** Closes the desk, and notes whether the next start need not look through the spool. */
  async close(): Promise<void> {
    await this.opening.close();
    const is_complete = await this.ports.desk.close();
    if (!this.is_open || !is_complete) return;
    await this.ports.facts.setEndedWell(true).catch((error: unknown) => {
      if (!(error instanceof OperatingError)) throw error;
    });
  }

  private async open(is_closed: () => boolean): Promise<void> {
    const { desk, facts, clock } = this.ports;
    if (!facts.ended_well) await this.recover(is_closed);
    await facts.setEndedWell(false);
    if (is_closed()) return;
    this.is_open = true;
    desk.open(facts.recovered_until_ms > clock.nowMs());
  }

  private async recover(is_closed: () => boolean): Promise<void> {
    const { events, facts, store, clock } = this.ports;
    const expires_at_ms = clock.nowMs() + DELIVERY_KEPT_MS;
    for (const table of facts.delivery_tables) {
      await events.each(table, async (event_ids) => {
        if (event_ids.length > 0 && facts.recovered_until_ms < expires_at_ms) await facts.setRecoveredUntil(expires_at_ms);
        for (let at = 0; at < event_ids.length && !is_closed(); at += PAGE) {
          await store.keep(event_ids.slice(at, at + PAGE).map((event_id) => recoveredClaim(event_id, expires_at_ms)));
        }
      });
    }
  }
}

function recoveredClaim(event_id: string, expires_at_ms: number): KeyClaim {
  return { key: recoveredKey(event_id), fingerprint: '', answer: '', expires_at_ms, is_shared: false, label: '' };
}

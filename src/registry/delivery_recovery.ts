/**
 * The deliveries of a data directory from one run to the next. A run that ended well has written all of them into the registry. After any
 * other the spool is looked through: each event of a delivery that stands there is one, under its event's id, since that is what the
 * spool knows of it.
 */
import { AssertionError } from 'node:assert';
import { OperatingError } from '../contract/errors.ts';
import type { Clock, Timer } from '../contract/ports.ts';
import type { KeyClaim, SpoolEvents } from '../contract/version_claims.ts';
import { DELIVERY_KEPT_MS } from './claim_keys.ts';
import { type DeliveryDesk, type DeliveryStore, recoveredKey } from './delivery_desk.ts';
import type { DeliveryFacts } from './facts.ts';

export interface RecoveryPorts {
  readonly desk: DeliveryDesk;
  readonly store: DeliveryStore;
  readonly events: SpoolEvents;
  readonly facts: DeliveryFacts;
  readonly clock: Clock;
}

const AGAIN_MS = 1_000;
/** Entries that are written with one commit. */
const PAGE = 4_096;

export class DeliveryRecovery {
  private timer: Timer | undefined;
  private running: Promise<void> = Promise.resolve();
  private is_closed = false;
  private is_open = false;

  constructor(private readonly ports: RecoveryPorts) {}

  /** Tries to open the desk; resolves when it is open or could not be this time, and then goes on trying. */
  start(): Promise<void> {
    this.running = this.attempt();
    return this.running;
  }

  /** Closes the desk, and notes whether the next start need not look through the spool. */
  async close(): Promise<void> {
    this.is_closed = true;
    this.timer?.cancel();
    await this.running;
    const is_complete = await this.ports.desk.close();
    if (!this.is_open || !is_complete) return;
    await this.ports.facts.setEndedWell(true).catch((error: unknown) => {
      if (!(error instanceof OperatingError)) throw error;
    });
  }

  private async attempt(): Promise<void> {
    const { desk, facts, clock } = this.ports;
    try {
      if (!facts.ended_well) await this.recover();
      await facts.setEndedWell(false);
      if (this.is_closed) return;
      this.is_open = true;
      desk.open(facts.recovered_until_ms > clock.nowMs());
    } catch (error) {
      if (error instanceof AssertionError) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      desk.fail(error instanceof OperatingError ? error : new OperatingError('registry_unavailable', { reason }, { cause: error }));
      if (!this.is_closed) this.timer = clock.schedule(AGAIN_MS, () => void this.start());
    }
  }

  private async recover(): Promise<void> {
    const { events, facts, store, clock } = this.ports;
    const expires_at_ms = clock.nowMs() + DELIVERY_KEPT_MS;
    for (const table of facts.delivery_tables) {
      await events.each(table, async (event_ids) => {
        if (event_ids.length > 0 && facts.recovered_until_ms < expires_at_ms) await facts.setRecoveredUntil(expires_at_ms);
        for (let at = 0; at < event_ids.length && !this.is_closed; at += PAGE) {
          await store.keep(event_ids.slice(at, at + PAGE).map((event_id) => recoveredClaim(event_id, expires_at_ms)));
        }
      });
    }
  }
}

function recoveredClaim(event_id: string, expires_at_ms: number): KeyClaim {
  return { key: recoveredKey(event_id), fingerprint: '', answer: '', expires_at_ms, is_shared: false, label: '' };
}

/**
 * Deliveries as an earlier program kept them: entries under a digest of what the sender said, and those that it found in the spool after a crash under their
 * event's id. They are looked up until the last of them has expired, and no more are written.
 */
import { deliveryKey } from './claim_keys.ts';
import type { DeliveryClaim } from './delivery_desk.ts';

export interface EarlierStore {
  /** Whether an entry that has not expired stands under the key. Throws `registry_unavailable`. */
  isTaken(key: string, now_ms: number): boolean;
}

export class EarlierDeliveries {
  constructor(
    private readonly store: EarlierStore,
    /** Until when there may be any; 0 where there are none. */
    private readonly facts: { readonly earlier_until_ms: number },
  ) {}

  has({ event_id, organization_id, key }: DeliveryClaim, now_ms: number): boolean {
    if (this.facts.earlier_until_ms <= now_ms) return false;
    const { store } = this;
    return store.isTaken(deliveryKey(organization_id, key), now_ms) || store.isTaken(`delivered ${event_id}`, now_ms);
  }
}

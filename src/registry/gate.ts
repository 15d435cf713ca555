/**
 * The gate before the spool: turns what sources claim into claims on a registry, and what becomes of them into verdicts.
 *
 * Versions and Idempotency-Keys are a matter of the whole fleet, deliveries of this daemon alone: a webhook must be answered 200 while the fleet's
 * registry is away. A request claims at one of the two, all or nothing.
 */
import { assert, unreachable } from '../base/assert.ts';
import { OperatingError } from '../contract/errors.ts';
import type { Claim, Gate, GateRequest, GateVerdict } from '../contract/gate.ts';
import type { EventClaims } from '../contract/version_claims.ts';
import type { Admission } from './claim_desk.ts';
import { eventClaims } from './claim_keys.ts';

/** Decides about events; an admitted one must be settled. */
export interface Desk {
  admit(event: EventClaims): Promise<Admission>;
  settle(event_id: string, is_stored: boolean): void;
}

export interface Desks {
  readonly fleet: Desk;
  /** Of deliveries. */
  readonly local: Desk;
}

/** Tables that a start must know before it can ask anybody: of segments that may hold proofs for the fleet's registry, or deliveries. */
export interface TableNotes {
  has(table: string): boolean;
  /** Resolves when it is durable; rejects with `registry_unavailable`. */
  add(table: string): Promise<void>;
}

export class RegistryGate implements Gate {
  constructor(
    private readonly desks: Desks,
    private readonly fleet_tables: TableNotes,
    private readonly delivery_tables: TableNotes = ALL_TABLES,
  ) {}

  async admit(request: GateRequest): Promise<GateVerdict> {
    if (request.claims.length === 0) return { kind: 'admitted' };
    const desk = this.deskOf(request);
    const notes = desk === this.desks.fleet ? this.fleet_tables : this.delivery_tables;
    try {
      if (!notes.has(request.table)) await notes.add(request.table);
    } catch (error) {
      if (!(error instanceof OperatingError)) throw error;
      return { kind: 'refused', code: error.code, context: error.context };
    }
    return verdictOf(await desk.admit(eventClaims(request)), request.claims);
  }

  settle(request: GateRequest, is_stored: boolean): void {
    if (request.claims.length > 0) this.deskOf(request).settle(request.event_id.toLowerCase(), is_stored);
  }

  private deskOf({ claims }: GateRequest): Desk {
    const deliveries = claims.filter((claim) => claim.of === 'delivery').length;
    assert(deliveries === 0 || deliveries === claims.length, 'BUG: a request claims at two registries');
    return deliveries === 0 ? this.desks.fleet : this.desks.local;
  }
}

/** For who needs no notes of deliveries. */
const ALL_TABLES: TableNotes = { has: () => true, add: async () => undefined };

function verdictOf(admission: Admission, claims: readonly Claim[]): GateVerdict {
  switch (admission.kind) {
    case 'admitted':
      return admission;
    case 'refused':
      return { kind: 'refused', code: admission.error.code, context: admission.error.context };
    case 'repeated': {
      const claim = claims[admission.claim];
      return { kind: 'repeated', answer: claim?.of === 'delivery' ? claim.repeat_answer : admission.answer };
    }
    case 'conflict': {
      const claim = claims[admission.claim];
      if (claim?.of === 'version') return { kind: 'refused', code: 'version_conflict', context: { version: claim.version } };
      return { kind: 'refused', code: 'idempotency_conflict', context: {} };
    }
    default:
      return unreachable(admission);
  }
}

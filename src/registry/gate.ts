/**
 * The gate before the spool: turns what sources claim into claims on a registry, and what becomes of them into verdicts.
 *
 * Versions and Idempotency-Keys are a matter of the whole fleet, deliveries of this daemon alone: a webhook must be answered 200 while the fleet's
 * registry is away. Without a fleet versions are decided here as well, at a desk of their own. A request gets all that it claims or nothing.
 */
import { assert, unreachable } from '../base/assert.ts';
import { OperatingError } from '../contract/errors.ts';
import type { Claim, Gate, GateRequest, GateVerdict } from '../contract/gate.ts';
import type { EventClaims } from '../contract/version_claims.ts';
import type { Admission } from './claim_desk.ts';
import { eventClaims, versionEntry } from './claim_keys.ts';
import type { DeliveryDesk } from './delivery_desk.ts';
import type { VersionDesk } from './version_desk.ts';

/** Decides about events; an admitted one must be settled. */
export interface Desk {
  admit(event: EventClaims): Admission | Promise<Admission>;
  settle(event_id: string, is_stored: boolean): void;
}

export interface Desks {
  readonly fleet: Desk;
  readonly deliveries: Pick<DeliveryDesk, 'admit' | 'settle'>;
  /** Where this daemon alone decides about versions; undefined: they are a matter of the fleet. */
  readonly versions?: Pick<VersionDesk, 'admit' | 'settle'> | undefined;
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

  admit(request: GateRequest): GateVerdict | Promise<GateVerdict> {
    const { claims } = request;
    if (claims.length === 0) return ADMITTED;
    const [first] = claims;
    if (first.of === 'delivery') return this.admitDelivery(request, first);
    const { versions } = this.desks;
    const version = claims.find((claim) => claim.of === 'version');
    if (versions === undefined || version === undefined) return this.admitAtFleet(request);
    return claims.length === 1 ? this.admitVersion(versions, request, version) : this.admitBoth(versions, request, version);
  }

  settle(request: GateRequest, is_stored: boolean): void {
    const { claims } = request;
    if (claims.length === 0) return;
    if (claims[0].of === 'delivery') {
      this.desks.deliveries.settle(request.event_id, is_stored);
      return;
    }
    const { versions } = this.desks;
    const event_id = request.event_id.toLowerCase();
    const is_version = versions !== undefined && claims.some((claim) => claim.of === 'version');
    if (is_version) versions.settle(event_id, is_stored);
    if (!is_version || claims.length > 1) this.desks.fleet.settle(event_id, is_stored);
  }

  private admitDelivery(request: GateRequest, claim: DeliveryOfClaim): GateVerdict | Promise<GateVerdict> {
    const { claims, table, event_id, tenant } = request;
    assert(claims.length === 1, 'BUG: a request claims a delivery and something else');
    const { organization_id } = tenant;
    const decide = (): GateVerdict | Promise<GateVerdict> => {
      const admission = this.desks.deliveries.admit({ event_id, organization_id, key: claim.key });
      return admission instanceof Promise ? admission.then((decided) => verdictOf(decided, claims)) : verdictOf(admission, claims);
    };
    const { delivery_tables } = this;
    return delivery_tables.has(table) ? decide() : delivery_tables.add(table).then(decide, refusedByNotes);
  }

  private admitVersion(versions: VersionAdmitter, request: GateRequest, claim: VersionClaim): GateVerdict | Promise<GateVerdict> {
    const { product_name, version, scm_sha } = claim;
    const entry = versionEntry(request.tenant.organization_id, product_name, version, scm_sha);
    const admission = versions.admit(request.event_id.toLowerCase(), entry);
    if (admission instanceof Promise) return admission.then((decided) => verdictOf(decided, [claim]));
    return verdictOf(admission, [claim]);
  }

  /** A repeat is a repeat whatever else it claims: so what is claimed beside the version comes first. */
  private async admitBoth(versions: VersionAdmitter, request: GateRequest, version: VersionClaim): Promise<GateVerdict> {
    const claims = request.claims.filter((claim) => claim !== version);
    const keyed = await this.admitAtFleet({ ...request, claims });
    if (keyed.kind !== 'admitted') return keyed;
    const verdict = await this.admitVersion(versions, request, version);
    if (verdict.kind !== 'admitted') this.desks.fleet.settle(request.event_id.toLowerCase(), false);
    return verdict;
  }

  private admitAtFleet(request: GateRequest): GateVerdict | Promise<GateVerdict> {
    const { claims, table } = request;
    const decide = (): GateVerdict | Promise<GateVerdict> => {
      const admission = this.desks.fleet.admit(eventClaims(request));
      return admission instanceof Promise ? admission.then((decided) => verdictOf(decided, claims)) : verdictOf(admission, claims);
    };
    const { fleet_tables } = this;
    return fleet_tables.has(table) ? decide() : fleet_tables.add(table).then(decide, refusedByNotes);
  }
}

type VersionAdmitter = NonNullable<Desks['versions']>;
type DeliveryOfClaim = Extract<Claim, { of: 'delivery' }>;
type VersionClaim = Extract<Claim, { of: 'version' }>;

const ADMITTED: GateVerdict = { kind: 'admitted' };

function refusedByNotes(error: unknown): GateVerdict {
  if (!(error instanceof OperatingError)) throw error;
  return { kind: 'refused', code: error.code, context: error.context };
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

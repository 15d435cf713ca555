/**
 * From what a source claims to the entries that a registry keeps. Keys and fingerprints are made of digests, so that any name, of any length and any
 * characters, is a short key in every store, and so that names are compared exactly, by UTF-16 unit.
 *
 * Versions of one product stand together, in their order: CI makes them one after the other, and neighbours share the pages that a commit writes.
 */
import { AssertionError } from 'node:assert';
import { hash } from 'node:crypto';
import { unreachable } from '../base/assert.ts';
import type { Claim, GateRequest } from '../contract/gate.ts';
import type { EventClaims, KeyClaim } from '../contract/version_claims.ts';

const HOUR_MS = 3_600_000;
const IDEMPOTENCY_KEPT_MS = 24 * HOUR_MS;
/** A day more than what is promised, for clocks that disagree. */
export const DELIVERY_KEPT_MS = 8 * 24 * HOUR_MS;
const LABEL_CHARACTERS_MAX = 200;
/** Of base64url: 132 bits. */
const PRODUCT_CHARACTERS = 22;
/** Of the length before a part of a digest. */
const LENGTH_BYTES_MAX = 12;
const PLAIN_VERSION = /^[\x21-\x7e]{1,48}$/;

/** A version as the registry knows it. */
export interface VersionEntry {
  readonly key: string;
  /** Of its commit; empty without one. */
  readonly fingerprint: string;
}

export function versionEntry(organization_id: string, product_name: string, version: string, scm_sha: string): VersionEntry {
  return { key: versionKey(organization_id, product_name, version), fingerprint: scm_sha === '' ? '' : digest(scm_sha) };
}

/** What `request` claims, in the order of its claims. */
export function eventClaims(request: GateRequest): EventClaims {
  return { event_id: request.event_id.toLowerCase(), table: request.table, keys: request.claims.map((claim) => keyClaim(claim, request)) };
}

function keyClaim(claim: Claim, request: GateRequest): KeyClaim {
  const { organization_id } = request.tenant;
  switch (claim.of) {
    case 'version':
      return {
        ...versionEntry(organization_id, claim.product_name, claim.version, claim.scm_sha),
        answer: '',
        expires_at_ms: undefined,
        is_shared: true,
        label: label(organization_id, claim.product_name, claim.version, claim.scm_sha),
      };
    case 'idempotency_key':
      return {
        key: digest('idempotency_key', organization_id, claim.key),
        fingerprint: digest(claim.digest),
        answer: request.answer,
        expires_at_ms: request.received_at_ms + IDEMPOTENCY_KEPT_MS,
        is_shared: false,
        label: label(organization_id, 'Idempotency-Key', claim.key),
      };
    case 'delivery':
      throw new AssertionError({ message: 'BUG: a delivery is no entry of the registry' });
    default:
      return unreachable(claim);
  }
}

/** Under what an earlier program kept a delivery. */
export function deliveryKey(organization_id: string, key: string): string {
  return digest('delivery', organization_id, key);
}

/** Half a digest, and then the version itself if it is plain and short, else its digest: the sign between says which. */
function versionKey(organization_id: string, product_name: string, version: string): string {
  const product = digest('version', organization_id, product_name).slice(0, PRODUCT_CHARACTERS);
  return PLAIN_VERSION.test(version) ? `${product}=${version}` : `${product}#${digest(version)}`;
}

/** Each part with its length before it: no two lists of parts are the same bytes. */
function digest(...parts: readonly string[]): string {
  const bytes_max = parts.reduce((sum, { length }) => sum + 2 * length + LENGTH_BYTES_MAX, 0);
  const bytes = Buffer.allocUnsafe(bytes_max);
  let used = 0;
  for (const part of parts) {
    used += bytes.write(`${part.length}:`, used, 'latin1');
    used += bytes.write(part, used, 'utf16le');
  }
  return hash('sha256', bytes.subarray(0, used), 'base64url');
}

function label(...parts: readonly string[]): string {
  const shown = parts.filter((part) => part !== '').map((part) => part.slice(0, LABEL_CHARACTERS_MAX));
  return shown.join(' ').replaceAll('\0', '\ufffd').toWellFormed().slice(0, LABEL_CHARACTERS_MAX);
}

/** Fills an embedded registry with versions that were confirmed long ago. */
import { randomUUID } from 'node:crypto';
import type { GateRequest } from '../../src/contract/gate.ts';
import { eventClaims } from '../../src/registry/claim_keys.ts';
import { LmdbClaims } from '../../src/registry/lmdb/lmdb_claims.ts';

const BATCH = 5_000;

/** @param request_of a request that claims the version of that number */
export async function fillRegistry(directory: string, versions: number, request_of: (number: number) => GateRequest): Promise<void> {
  const store = new LmdbClaims(directory);
  await store.open();
  for (let from = 0; from < versions; from += BATCH) {
    const size = Math.min(BATCH, versions - from);
    const claim = Array.from({ length: size }, (_, index) => eventClaims(request_of(from + index)));
    await store.commit({ confirm: [], release: [], claim, now_ms: Date.now() });
    await store.commit({ confirm: claim.map(({ event_id }) => event_id), release: [], claim: [], now_ms: Date.now() });
  }
  await store.close();
}

/** A request of `organization_id` that claims one version, and nothing else. */
export function versionRequest(
  organization_id: string,
  table: string,
  claimed: { product_name: string; version: string; scm_sha: string },
) {
  const tenant = { organization_id, project_id: '', environment: '' };
  const claims = [{ of: 'version', ...claimed }] as const;
  return { tenant, received_at_ms: Date.now(), event_id: randomUUID(), table, claims, answer: '' } satisfies GateRequest;
}

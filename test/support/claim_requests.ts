/** Requests with claims, as dispatch hands them to the gate. */
import { createHash, randomUUID } from 'node:crypto';
import type { Claim, GateRequest } from '../../src/contract/gate.ts';

/** Of the day of the run: what a store is told to keep for days must not be over by its own clock. */
export const NOW_MS = Date.now();
export const HOUR_MS = 3_600_000;

export function request(claims: readonly Claim[], more: Partial<GateRequest> = {}): GateRequest {
  return {
    tenant: { organization_id: 'org_test', project_id: '', environment: '' },
    received_at_ms: NOW_MS,
    event_id: randomUUID(),
    table: 'events',
    claims,
    answer: '{"id":"first"}',
    ...more,
  };
}

export function version(scm_sha: string, name = '1.2.3', product_name = 'app'): Claim {
  return { of: 'version', product_name, version: name, scm_sha };
}

export function idempotency(key: string, digest = 'body'): Claim {
  return { of: 'idempotency_key', key, digest };
}

export function delivery(key: string): Claim {
  return { of: 'delivery', key, repeat_answer: `{"id":"${key}","status":"duplicate"}` };
}

/** A webhook, whose event is named after what it brings. */
export function hookRequest(key: string, more: Partial<GateRequest> = {}): GateRequest {
  const digits = createHash('md5').update(key).digest('hex');
  const event_id = digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  return request([delivery(key)], { event_id, ...more });
}

/** Rows of `penstock_claims` as the driver gives them, made into what the rules need. */
import { assert } from '../../base/assert.ts';

export interface Row {
  readonly key: string;
  readonly fingerprint: string;
  readonly answer: string;
  readonly expires_at_ms: number | undefined;
  readonly event_id: string | undefined;
  readonly instance_id: string | undefined;
  readonly is_addition: boolean;
}

/** bigint comes as text; a missing value as null. */
export function parseRow(row: Readonly<Record<string, unknown>>): Row {
  const { key, fingerprint, answer, expires_at_ms, event_id, instance_id, is_addition } = row;
  assert(typeof key === 'string' && typeof fingerprint === 'string', 'BUG: a row of penstock_claims without a key');
  return {
    key,
    fingerprint,
    answer: Buffer.isBuffer(answer) ? answer.toString() : '',
    expires_at_ms: typeof expires_at_ms === 'string' ? Number(expires_at_ms) : undefined,
    event_id: typeof event_id === 'string' ? event_id : undefined,
    instance_id: typeof instance_id === 'string' ? instance_id : undefined,
    is_addition: is_addition === true,
  };
}

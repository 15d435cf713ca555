/**
 * The SQL of the fleet's registry: one table, `penstock_claims`, in the schema that the connection's user finds first.
 *
 * Nobody waits for a lock in a circle: what a daemon confirms or releases is its own and nobody else changes it, and rows that several may want are
 * inserted, or locked, in the order of their keys.
 */

/** Only made where it is missing, so that a user who may not create tables can use one that is there. */
export const TABLE_EXISTS = `SELECT to_regclass('penstock_claims') IS NOT NULL AS is_there`;

/** One transaction; the lock keeps two daemons that start at once apart, which IF NOT EXISTS alone does not. */
export const CREATE_TABLE = `
BEGIN;
SELECT pg_advisory_xact_lock(7310579618);
CREATE TABLE IF NOT EXISTS penstock_claims (
  key text COLLATE "C" PRIMARY KEY,
  fingerprint text COLLATE "C" NOT NULL,
  answer bytea NOT NULL,
  expires_at_ms bigint,
  event_id uuid,
  event_table text,
  instance_id uuid,
  is_addition boolean NOT NULL DEFAULT false,
  label text NOT NULL,
  claimed_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX IF NOT EXISTS penstock_claims_pending ON penstock_claims (event_id) WHERE event_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS penstock_claims_instance ON penstock_claims (instance_id, event_id) WHERE event_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS penstock_claims_expiry ON penstock_claims (expires_at_ms) WHERE expires_at_ms IS NOT NULL;
COMMIT;
`;

const WANTED = `unnest($2::text[], $3::text[], $4::bytea[], $5::bigint[], $6::uuid[], $7::text[], $8::text[])
  WITH ORDINALITY AS wanted(key, fingerprint, answer, expires_at_ms, event_id, event_table, label, position)`;

/**
 * Takes the keys that are free and reads the entries of those that are not. A row that another daemon commits meanwhile is neither made nor read: whoever
 * asked for it asks again.
 */
export const CLAIM = `
WITH made AS (
  INSERT INTO penstock_claims (key, fingerprint, answer, expires_at_ms, event_id, event_table, instance_id, label)
  SELECT key, fingerprint, answer, expires_at_ms, event_id, event_table, $1::uuid, label FROM ${WANTED}
  ORDER BY key, position
  ON CONFLICT (key) DO NOTHING
  RETURNING key, fingerprint, answer, expires_at_ms, event_id, instance_id, is_addition
)
SELECT * FROM made
UNION ALL
SELECT key, fingerprint, answer, expires_at_ms, event_id, instance_id, is_addition FROM penstock_claims WHERE key = ANY($2::text[])`;

/** Takes what has expired, and adds a fingerprint to what has none, unless somebody was faster. Each key once. */
export const TAKE_OVER = `
WITH locked AS MATERIALIZED (
  SELECT key FROM penstock_claims WHERE key = ANY($2::text[]) ORDER BY key FOR UPDATE
)
UPDATE penstock_claims AS present
SET fingerprint = wanted.fingerprint, answer = wanted.answer, expires_at_ms = wanted.expires_at_ms, event_id = wanted.event_id,
  event_table = wanted.event_table, instance_id = $1::uuid, label = wanted.label,
  is_addition = present.expires_at_ms IS NULL, claimed_at = now()
FROM ${WANTED}, locked
WHERE present.key = wanted.key AND locked.key = wanted.key
  AND (present.expires_at_ms <= $9::bigint OR (present.event_id IS NULL AND present.fingerprint = '' AND present.expires_at_ms IS NULL))
RETURNING present.key, present.event_id`;

export const CONFIRM = `
UPDATE penstock_claims SET event_id = NULL, event_table = NULL, instance_id = NULL, is_addition = false WHERE event_id = ANY($1::uuid[])`;

export const RELEASE = `
WITH removed AS (
  DELETE FROM penstock_claims WHERE event_id = ANY($1::uuid[]) AND NOT is_addition
)
UPDATE penstock_claims SET fingerprint = '', event_id = NULL, event_table = NULL, instance_id = NULL, is_addition = false
WHERE event_id = ANY($1::uuid[]) AND is_addition`;

export const PENDING = `
SELECT DISTINCT event_id, event_table FROM penstock_claims
WHERE instance_id = $1::uuid AND event_id IS NOT NULL AND event_id > $2::uuid
ORDER BY event_id LIMIT $3`;

export const SWEEP = `
DELETE FROM penstock_claims WHERE key IN (
  SELECT key FROM penstock_claims WHERE expires_at_ms <= $1::bigint ORDER BY key LIMIT $2 FOR UPDATE SKIP LOCKED
)`;

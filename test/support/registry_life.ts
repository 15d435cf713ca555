/** An embedded registry as a daemon runs it, on what a spool is said to hold. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { SYSTEM_CLOCK } from '../../src/base/system_clock.ts';
import type { GateVerdict } from '../../src/contract/gate.ts';
import type { SpoolRows } from '../../src/contract/version_claims.ts';
import { Registry } from '../../src/registry/registry.ts';

export const OBSERVER = { decided: () => undefined, committed: () => undefined, failed: () => undefined };
export const RANDOM = { fraction: () => 0, uuid: () => '00000000-0000-4000-8000-000000000001' };

export async function directoryOf(context: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'penstock-registry-'));
  context.after(() => rm(directory, { recursive: true }));
  return directory;
}

/** What a spool holds: events, and the rows of its segments that are not sealed. */
export interface Held {
  readonly stored?: readonly string[];
  readonly rows?: readonly (readonly string[])[];
  /** So often its events cannot be read. */
  readonly failures?: number;
}

/** A daemon's registry on `directory`. */
export async function startRegistry(directory: string, held: Held = {}, url = 'embedded'): Promise<Registry> {
  const { stored = [], rows: unsealed = [] } = held;
  let failures = held.failures ?? 0;
  const records = {
    holds: async (_: string, event_ids: ReadonlySet<string>) => new Set(stored.filter((event_id) => event_ids.has(event_id))),
  };
  const events = {
    each: async (_: string, visit: (event_ids: readonly string[]) => Promise<void>) => {
      if (failures-- > 0) throw new Error('EIO: the spool cannot be read');
      await visit(stored);
    },
  };
  const rows: SpoolRows = { eachUnsealed: (_table, _columns, visit) => visit(unsealed) };
  const observers = { local: OBSERVER, fleet: OBSERVER };
  const version_tables = new Map([['events', ['product_name', 'version', 'scm_sha'] as const]]);
  const ports = { clock: SYSTEM_CLOCK, random: RANDOM, records, events, rows, observers };
  const registry = new Registry(ports, { url, directory, version_tables });
  await registry.start();
  return registry;
}

export function summary(verdict: GateVerdict): string {
  return verdict.kind === 'refused' ? verdict.code : verdict.kind;
}

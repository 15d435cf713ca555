/**
 * A process to be killed: claims versions on an embedded registry, appends each admitted event to a spool, and says so on standard output once it is
 * durable. `node claiming_child.js DATA_DIR PREFIX`.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { SYSTEM_CLOCK } from '../../src/base/system_clock.ts';
import type { Table, VersionColumns } from '../../src/contract/table.ts';
import { uuidBytes } from '../../src/pipeline/spool/native_heads.ts';
import { NodeFs } from '../../src/pipeline/spool/node_fs.ts';
import { Spool } from '../../src/pipeline/spool/spool.ts';
import { NodeSpoolRecords } from '../../src/pipeline/spool/spool_records.ts';
import { Registry } from '../../src/registry/registry.ts';
import { blockOf, Incidents, OPTIONS } from '../unit/pipeline/spool/fixtures.ts';
import { request, version } from './claim_requests.ts';

const VERSION_COLUMNS: VersionColumns = ['product', 'name', 'commit'];

export const CLAIMED_TABLE: Table = {
  name: 'claimed',
  columns: [
    { name: 'organization_id', kind: 'dictionary' },
    { name: 'product', kind: 'dictionary' },
    { name: 'name', kind: 'string' },
    { name: 'commit', kind: 'string' },
    { name: 'event_id', kind: 'uuid' },
  ],
  version_columns: VERSION_COLUMNS,
  migrations: [],
};

const IN_FLIGHT = 20;
const RANDOM = { fraction: Math.random, uuid: randomUUID };
const OBSERVER = { decided: () => undefined, committed: () => undefined, failed: () => undefined };

export interface ClaimingDaemon {
  readonly registry: Registry;
  readonly spool: Spool;
}

/** A spool and a registry on `data_dir`, started as a daemon starts them. */
export async function startClaiming(data_dir: string): Promise<ClaimingDaemon> {
  const fs = new NodeFs();
  const ports = { fs, clock: SYSTEM_CLOCK, random: RANDOM, observer: new Incidents() };
  const records = new NodeSpoolRecords(fs, data_dir);
  const registry = new Registry(
    { clock: SYSTEM_CLOCK, random: RANDOM, records, events: records, rows: records, observers: { local: OBSERVER, fleet: OBSERVER } },
    { url: 'embedded', directory: `${data_dir}/registry`, version_tables: new Map([[CLAIMED_TABLE.name, VERSION_COLUMNS]]) },
  );
  const before_seal = (table: string): Promise<void> => registry.beforeSeal(table);
  const spool = new Spool({ ...ports, beforeSeal: before_seal }, { ...OPTIONS, data_dir, seal_age_ms_max: 50 }, [CLAIMED_TABLE]);
  await spool.start();
  await registry.start();
  return { registry, spool };
}

/** Claims `name` for the commit `sha`, and stores it if it may; resolves to what became of it. */
export async function publish({ registry, spool }: ClaimingDaemon, name: string, sha: string): Promise<string> {
  const event = request([version(sha, name)], { table: CLAIMED_TABLE.name });
  const verdict = await registry.gate.admit(event);
  if (verdict.kind !== 'admitted') return verdict.kind === 'refused' ? verdict.code : verdict.kind;
  const row = { organization_id: event.tenant.organization_id, product: 'app', name, commit: sha };
  await spool.append(blockOf([{ ...row, event_id: uuidBytes(event.event_id).toString('hex') }], CLAIMED_TABLE));
  registry.gate.settle(event, true);
  return 'stored';
}

async function main(data_dir: string, prefix: string): Promise<void> {
  const daemon = await startClaiming(data_dir);
  let count = 0;
  const client = async (): Promise<void> => {
    for (;;) {
      const name = `${prefix}.${count++}`;
      process.stdout.write(`asked ${name}\n`);
      const outcome = await publish(daemon, name, 'sha of the child');
      process.stdout.write(`${outcome} ${name}\n`);
      // Who is refused comes back later.
      if (outcome !== 'stored') await sleep(1);
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, client));
}

const [, script = '', data_dir, prefix] = process.argv;
if (script.endsWith('claiming_child.js') && data_dir !== undefined && prefix !== undefined) await main(data_dir, prefix);

/** `erase`: deletes one device's data, in the order that keeps every promise: what is in the spool is delivered first. */
import { randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { SYSTEM_CLOCK } from '../../base/system_clock.ts';
import { ERASURES, Erasures } from '../../clickhouse/erasures.ts';
import { migrate } from '../../clickhouse/migrations/migrate.ts';
import { OperatingError } from '../../contract/errors.ts';
import { SegmentRecords } from '../../pipeline/spool/ledger/records.ts';
import { NodeFs } from '../../pipeline/spool/node_fs.ts';
import { SOURCES } from '../../sources/list.ts';
import { withClickHouse } from '../clickhouse_client.ts';
import type { CommandContext } from '../command.ts';
import { type DeviceTable, Eraser, type Subject, type TableErasure } from './eraser.ts';

const WAIT_SECONDS = 60;
const WAIT_SECONDS_MAX = 86_400;
const SPOOL_POLL_MS = 100;

export async function runErase(context: CommandContext): Promise<number> {
  const { options, stdout, stderr } = context;
  const subject: Subject = {
    organization: options.requiredText('organization'),
    project: options.requiredText('project'),
    environment: options.text('environment') ?? '',
    distinct_id: options.requiredText('distinct-id'),
  };
  const wait_seconds = options.integer('wait', WAIT_SECONDS, { min: 0, max: WAIT_SECONDS_MAX });
  const is_dry = options.flag('dry-run');
  const { config } = await context.loadConfig();
  const records = new SegmentRecords(new NodeFs(), config.data_dir);
  const results = await withClickHouse(config, async (client) => {
    const ports = { client, random: { uuid: randomUUID } };
    const { database } = config.clickhouse;
    const erasures = new Erasures(ports, database);
    const eraser = new Eraser({ ...ports, erasures, spooled: () => records.spooled() }, database, subject);
    if (is_dry) return await Promise.all(deviceTables().map((table) => eraser.look(table)));
    await migrate({ ...ports, clock: SYSTEM_CLOCK }, database, [ERASURES]);
    await untilDelivered(records, wait_seconds, (segments) => stderr.write(`Waiting for ${segments} segments to be delivered …\n`));
    return await eraser.erase(deviceTables());
  });
  stdout.write(options.flag('json') ? `${JSON.stringify({ dry_run: is_dry, tables: results })}\n` : describe(results, is_dry));
  return 0;
}

function deviceTables(): readonly DeviceTable[] {
  return SOURCES.flatMap(({ tables }) =>
    tables.flatMap(({ name, device_column }) => (device_column === undefined ? [] : [{ name, device_column }])),
  );
}

/** Waits for the segments that are in the spool now; what comes later was accepted after the command was given. */
async function untilDelivered(records: SegmentRecords, wait_seconds: number, on_wait: (segments: number) => void): Promise<void> {
  const awaited = await records.spooled();
  const deadline_ms = performance.now() + wait_seconds * 1000;
  for (let is_said = false; ; is_said = true) {
    const present = await records.spooled();
    const left = [...awaited].filter((segment) => present.has(segment)).length;
    if (left === 0) return;
    if (performance.now() > deadline_ms) throw new OperatingError('erasure_must_wait', { segments: left, wait_seconds });
    if (!is_said) on_wait(left);
    await setTimeout(SPOOL_POLL_MS);
  }
}

function describe(results: readonly TableErasure[], is_dry: boolean): string {
  const verb = is_dry ? 'would be deleted' : 'deleted';
  return `${results.map(({ table, segments, rows }) => `${table}: ${rows} rows of ${segments} segments ${verb}`).join('\n')}\n`;
}

/** Builds the registry, and puts it between delivery and the segments that prove its claims. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { SYSTEM_CLOCK } from '../base/system_clock.ts';
import type { Config } from '../config/schema.ts';
import type { SegmentStore } from '../contract/segment.ts';
import type { Telemetry } from '../ops/telemetry.ts';
import type { NodeFs } from '../pipeline/spool/node_fs.ts';
import { NodeSpoolRecords } from '../pipeline/spool/spool_records.ts';
import { confirmBeforeRetire } from '../registry/confirm_before_retire.ts';
import { Registry } from '../registry/registry.ts';
import { SOURCES } from '../sources/list.ts';

/** Tables whose rows claim versions. */
const VERSION_TABLES = new Map(
  SOURCES.flatMap(({ tables }) => tables).flatMap(({ name, version_columns }) =>
    version_columns === undefined ? [] : [[name, version_columns] as const],
  ),
);

export function createRegistry({ registry, data_dir }: Config, parts: { fs: NodeFs; telemetry: Telemetry }): Registry {
  const { fs, telemetry } = parts;
  const observers = { local: telemetry.claiming('local'), fleet: telemetry.claiming('fleet') };
  const random = { fraction: Math.random, uuid: randomUUID };
  const records = new NodeSpoolRecords(fs, data_dir);
  return new Registry(
    { clock: SYSTEM_CLOCK, random, records, events: records, rows: records, observers },
    { url: registry.url, directory: join(data_dir, 'registry'), version_tables: VERSION_TABLES },
  );
}

/** The spool's segments as delivery may see them: none goes before its claims are confirmed. */
export function provenSegments(segments: SegmentStore, registry: Registry): SegmentStore {
  return confirmBeforeRetire(segments, (table) => registry.flush(table));
}

/** `verify`: reconciles the ledger with ClickHouse. */
import { randomUUID } from 'node:crypto';
import { Erasures } from '../../clickhouse/erasures.ts';
import { SegmentCounts } from '../../clickhouse/segment_counts.ts';
import { ClickHouseSink } from '../../clickhouse/sink.ts';
import { SegmentRecords } from '../../pipeline/spool/ledger/records.ts';
import { NodeFs } from '../../pipeline/spool/node_fs.ts';
import { SOURCES } from '../../sources/list.ts';
import { withClickHouse } from '../clickhouse_client.ts';
import type { CommandContext } from '../command.ts';
import { Audit, type AuditResult, type Discrepancy } from './audit.ts';

/** Longer than a segment is between ClickHouse's answer and its line in the ledger. */
const SECOND_LOOK_MS = 1_000;

interface Verdict extends AuditResult {
  readonly balanced: boolean;
  readonly unfinished_erasures: readonly string[];
}

export async function runVerify(context: CommandContext): Promise<number> {
  const { options, clock, stdout } = context;
  const { config } = await context.loadConfig();
  const verdict = await withClickHouse(config, async (client): Promise<Verdict> => {
    const ports = { client, random: { uuid: randomUUID } };
    const { database } = config.clickhouse;
    const erasures = new Erasures(ports, database);
    const has_erasures = await erasures.exist();
    const sink = new ClickHouseSink(ports, database);
    const audit = new Audit(
      {
        records: new SegmentRecords(new NodeFs(), config.data_dir),
        counts: new SegmentCounts(ports, database),
        erased: async (table, slices, slice) => (has_erasures ? erasures.erased(table, slices, slice) : new Map()),
        countRows: (table, segment_id) => sink.countRows(table, segment_id),
      },
      {
        tables: SOURCES.flatMap(({ tables }) => tables.map(({ name }) => name)),
        now_ms: clock.nowMs(),
        retention_months: config.clickhouse.retention_months ?? 0,
        has_other_daemons: options.flag('fleet'),
        second_look_ms: SECOND_LOOK_MS,
      },
    );
    const result = await audit.run();
    const unfinished_erasures = has_erasures ? (await erasures.unfinished()).map(({ erasure }) => erasure) : [];
    const balanced = result.discrepancies.length === 0 && result.more_discrepancies === 0 && unfinished_erasures.length === 0;
    return { balanced, ...result, unfinished_erasures };
  });
  stdout.write(options.flag('json') ? `${JSON.stringify(verdict)}\n` : describe(verdict));
  return verdict.balanced ? 0 : 1;
}

const WORDS: Readonly<Record<Discrepancy['kind'], string>> = {
  missing_rows: 'has too few rows',
  surplus_rows: 'has too many rows',
  unknown_segment: 'is in no book of this data directory',
};

function describe(verdict: Verdict): string {
  const { audited, discrepancies, more_discrepancies, foreign_segments, left_out, unfinished_erasures } = verdict;
  const lines = audited.map(({ table, month, segments, rows }) => `${table} ${month}: ${segments} segments, ${rows} rows`);
  for (const reason of left_out) lines.push(`Left out: ${reason}.`);
  if (foreign_segments > 0) lines.push(`${foreign_segments} segments are in no book of this data directory: other daemons' (--fleet).`);
  for (const { kind, table, segment, rows_expected, rows_found } of discrepancies) {
    lines.push(`Segment ${segment} of ${table} ${WORDS[kind]}: ${rows_found} found, ${rows_expected} in the books.`);
  }
  if (more_discrepancies > 0) lines.push(`… and ${more_discrepancies} segments more, not looked at a second time.`);
  for (const erasure of unfinished_erasures) lines.push(`An erasure is unfinished: ${erasure}. Run the same erase command again.`);
  lines.push(verdict.balanced ? 'The books balance.' : 'THE BOOKS DO NOT BALANCE.');
  return `${lines.join('\n')}\n`;
}

/**
 * Deletes one device's rows from one table after the other, in steps that may each be repeated: count and write down, delete, look whether they are gone.
 *
 * Only rows of segments that were written down are deleted, and none of a segment that is still in the spool: delivery may yet have to count its rows to know
 * whether they arrived. Values travel as parameters; in the statement that deletes, and that ClickHouse keeps for a while, the device is a digest.
 */
import { createHash } from 'node:crypto';
import type { ClickHouseClient } from '../../clickhouse/connection.ts';
import { type Erasures, SEGMENTS_PER_STATEMENT } from '../../clickhouse/erasures.ts';
import { runStatement, type StatementParameters } from '../../clickhouse/statement.ts';
import { OperatingError } from '../../contract/errors.ts';
import { quoteIdentifier } from '../../contract/table_ddl.ts';

export interface Subject {
  readonly organization: string;
  readonly project: string;
  /** Empty for all. */
  readonly environment: string;
  readonly distinct_id: string;
}

export interface DeviceTable {
  readonly name: string;
  readonly device_column: string;
}

export interface TableErasure {
  readonly table: string;
  readonly segments: number;
  readonly rows: number;
}

export interface EraserPorts {
  readonly client: ClickHouseClient;
  readonly random: { uuid(): string };
  readonly erasures: Erasures;
  /** Segments that are in the spool now. */
  spooled(): Promise<ReadonlySet<string>>;
}

/** A million segments. */
const ANSWER_BYTES_MAX = 64 << 20;

/** Rows that know no project or environment may be the device's too. */
const TENANT_CONDITION = `organization_id = {organization:String} AND project_id IN ({project:String}, '')
  AND ({environment:String} = '' OR environment IN ({environment:String}, ''))`;

/** Names the subject without telling it. */
export function subjectDigest(subject: Subject): string {
  const { organization, project, environment, distinct_id } = subject;
  return sha256(JSON.stringify([organization, project, environment, distinct_id]));
}

export class Eraser {
  private readonly parameters: StatementParameters;
  private readonly digest: string;

  constructor(
    private readonly ports: EraserPorts,
    private readonly database: string,
    private readonly subject: Subject,
  ) {
    const { organization, project, environment, distinct_id } = subject;
    this.parameters = { organization, project, environment, device: sha256(distinct_id) };
    this.digest = subjectDigest(subject);
  }

  /** What an erasure would take now. */
  async look(table: DeviceTable): Promise<TableErasure> {
    const found = await this.rowsBySegment(table);
    return summary(table.name, found);
  }

  /**
   * Takes up an erasure of this subject that was broken off, or begins one. Repeat it after any failure.
   *
   * @throws OperatingError `erasure_in_the_way` while one of somebody else is unfinished, `erasure_unfinished` when rows are left
   */
  async erase(tables: readonly DeviceTable[]): Promise<readonly TableErasure[]> {
    const { erasures, random } = this.ports;
    const unfinished = await erasures.unfinished();
    const foreign = unfinished.find(({ subject }) => subject !== this.digest);
    // Two at once might write the same rows down twice.
    if (foreign !== undefined) throw new OperatingError('erasure_in_the_way', { erasure: foreign.erasure, begun_at: foreign.begun_at });
    const erasure = unfinished[0]?.erasure ?? random.uuid();
    await erasures.begin(erasure, this.digest);
    const results: TableErasure[] = [];
    for (const table of tables) results.push(await this.eraseTable(erasure, table));
    await erasures.finish(erasure, this.digest);
    return results;
  }

  private async eraseTable(erasure: string, table: DeviceTable): Promise<TableErasure> {
    const { erasures, spooled } = this.ports;
    const found = await this.rowsBySegment(table);
    const waiting = await spooled();
    const planned_before = await erasures.planned(erasure, table.name);
    const fresh = [...found.keys()].filter((segment) => !planned_before.has(segment) && !waiting.has(segment));
    for (const segments of chunksOf(fresh)) {
      const parameters = { ...this.parameters, segments };
      await erasures.plan(erasure, this.digest, table.name, this.condition(table), parameters);
    }
    const planned = await erasures.planned(erasure, table.name);
    for (const segments of chunksOf([...planned.keys()])) await this.deleteRows(table, segments);
    return summary(table.name, planned);
  }

  private async deleteRows(table: DeviceTable, segments: readonly string[]): Promise<void> {
    const parameters = { ...this.parameters, segments };
    const name = this.qualified(table);
    const count = `SELECT count() FROM ${name} WHERE ${this.condition(table)}`;
    if ((await this.ask(count, parameters))[0]?.[0] === '0') return;
    await this.ask(`ALTER TABLE ${name} DELETE WHERE ${this.condition(table)} SETTINGS mutations_sync = 2`, parameters);
    const [left] = (await this.ask(count, parameters))[0] ?? [];
    if (left !== '0') throw new OperatingError('erasure_unfinished', { table: table.name, rows: left ?? 'unknown' });
  }

  private async rowsBySegment(table: DeviceTable): Promise<ReadonlyMap<string, number>> {
    const query = `SELECT ingest_segment, count() FROM ${this.qualified(table)} WHERE ${this.subjectCondition(table)} GROUP BY ingest_segment`;
    const lines = await this.ask(query, { ...this.parameters, device_id: this.subject.distinct_id });
    return new Map(lines.map(([segment, rows]) => [segment, Number(rows)]));
  }

  /** For the first look, which must find the device among all rows. */
  private subjectCondition(table: DeviceTable): string {
    return `${TENANT_CONDITION} AND ${quoteIdentifier(table.device_column)} = {device_id:String}`;
  }

  /** For rows of known segments: few enough to hash. */
  private condition(table: DeviceTable): string {
    return `ingest_segment IN {segments:Array(UUID)} AND ${TENANT_CONDITION}
      AND hex(SHA256(${quoteIdentifier(table.device_column)})) = {device:String}`;
  }

  private async ask(query: string, parameters: StatementParameters): Promise<readonly string[][]> {
    const { client, random } = this.ports;
    const query_id = `erase-${random.uuid()}`;
    const { text } = await runStatement(client, { query, query_id, parameters, answer_bytes_max: ANSWER_BYTES_MAX });
    return text
      .split('\n')
      .filter(Boolean)
      .map((line) => line.split('\t'));
  }

  private qualified(table: DeviceTable): string {
    return `${quoteIdentifier(this.database)}.${quoteIdentifier(table.name)}`;
  }
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex').toUpperCase();
}

function summary(table: string, rows_by_segment: ReadonlyMap<string, number>): TableErasure {
  return { table, segments: rows_by_segment.size, rows: [...rows_by_segment.values()].reduce((sum, rows) => sum + rows, 0) };
}

function chunksOf(segments: readonly string[]): readonly (readonly string[])[] {
  const chunks: (readonly string[])[] = [];
  for (let at = 0; at < segments.length; at += SEGMENTS_PER_STATEMENT) chunks.push(segments.slice(at, at + SEGMENTS_PER_STATEMENT));
  return chunks;
}

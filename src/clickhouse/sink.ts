/**
 * Delivery's port to ClickHouse: one INSERT per sealed segment, and the two questions that settle a doubt.
 *
 * Everything that exactness rests on is set explicitly in each statement, since the server's defaults have changed before
 * and a user's profile may change them again. Names are quoted and values travel as parameters: no SQL is built from text.
 */
import { type InsertRequest, type Sink, SinkFailure } from '../contract/sink.ts';
import { SEGMENT_COLUMN } from '../contract/table.ts';
import { quoteIdentifier } from '../contract/table_ddl.ts';
import type { ClickHouseClient } from './connection.ts';
import { insertSettings } from './insert_settings.ts';
import { type Answer, runStatement } from './statement.ts';
import { loadTableFacts, type TableFacts } from './table_facts.ts';

export interface ClickHouseSinkPorts {
  readonly client: ClickHouseClient;
  readonly random: { uuid(): string };
}

export class ClickHouseSink implements Sink {
  readonly #client: ClickHouseClient;
  readonly #random: { uuid(): string };
  readonly #database: string;
  /** What the server said of each table; forgotten when the table turns out to be another. */
  readonly #facts = new Map<string, Promise<TableFacts>>();

  constructor(ports: ClickHouseSinkPorts, database: string) {
    this.#client = ports.client;
    this.#random = ports.random;
    this.#database = database;
  }

  async insert(request: InsertRequest): Promise<void> {
    try {
      const facts = await this.#tableFacts(request.table);
      const columns = request.columns.map(quoteIdentifier).join(', ');
      await runStatement(this.#client, {
        query: `INSERT INTO ${this.#qualified(request.table)} (${columns}) FORMAT Native`,
        query_id: request.query_id,
        settings: insertSettings(facts, request),
        body: { stream: request.body, bytes: request.body_bytes },
      });
    } catch (error) {
      if (error instanceof SinkFailure && error.action === 'pause') this.#facts.delete(request.table);
      throw error;
    } finally {
      request.body.destroy();
    }
  }

  /**
   * Asks the server that answers. A table of replicas behind a balancer may have the statement on another one: there the
   * Keeper refuses the same token twice, and the server's own time limit (`INSERT_EXECUTION_SECONDS_MAX`) ends the doubt.
   */
  async isRunning(query_id_prefix: string): Promise<boolean> {
    const answer = await this.#ask(
      `SELECT count() FROM system.processes
       WHERE startsWith(query_id, {prefix:String}) OR startsWith(Settings['log_comment'], {prefix:String})`,
      { prefix: query_id_prefix },
    );
    return parseCount(answer) > 0;
  }

  async countRows(table: string, segment_id: string): Promise<number> {
    const facts = await this.#tableFacts(table);
    const synchronised = facts.replication === 'replicated' ? await this.#synchronise(table) : undefined;
    const answer = await this.#ask(
      `SELECT count() FROM ${this.#qualified(table)} WHERE ${quoteIdentifier(SEGMENT_COLUMN.name)} = {segment:UUID}`,
      { segment: segment_id },
      facts.replication === 'shared' ? { select_sequential_consistency: 1 } : {},
    );
    if (synchronised !== undefined && (synchronised === '' || synchronised !== answer.server)) {
      const message = `the replica that was brought up to date (${synchronised}) is not the one that counted (${answer.server})`;
      throw new SinkFailure(message, true, 'retry', 'OTHER_REPLICA');
    }
    return parseCount(answer);
  }

  /**
   * Brings one replica up to what the Keeper has committed, and says which one.
   *
   * `select_sequential_consistency` is no answer for a ReplicatedMergeTree: with parallel quorum INSERTs, which a fleet
   * needs, it does not hold and may even hide parts.
   */
  async #synchronise(table: string): Promise<string> {
    return (await this.#ask(`SYSTEM SYNC REPLICA ${this.#qualified(table)} LIGHTWEIGHT`, {})).server;
  }

  #ask(query: string, parameters: Record<string, string>, settings: Record<string, number> = {}): Promise<Answer> {
    return runStatement(this.#client, { query, query_id: `ask-${this.#random.uuid()}`, parameters, settings });
  }

  #tableFacts(table: string): Promise<TableFacts> {
    const known = this.#facts.get(table);
    if (known !== undefined) return known;
    const asked = loadTableFacts(this.#client, { database: this.#database, table, query_id: `ask-${this.#random.uuid()}` });
    this.#facts.set(table, asked);
    asked.catch(() => this.#facts.delete(table));
    return asked;
  }

  #qualified(table: string): string {
    return `${quoteIdentifier(this.#database)}.${quoteIdentifier(table)}`;
  }
}

function parseCount(answer: Answer): number {
  if (/^\d{1,15}\n$/.test(answer.text)) return Number(answer.text);
  throw new SinkFailure(`not the answer of ClickHouse to a count: ${answer.text.slice(0, 100)}`, true, 'retry', 'NOT_A_COUNT');
}

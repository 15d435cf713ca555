/**
 * One request's way through the engine: statement, lane, session, answer.
 *
 * It promises that exactly one statement runs, with the request's own settings, parameters and database and nobody else's,
 * and that the data of an INSERT reach the engine only as a file.
 */
import { type Body, dataFile, removeFiles } from './body.ts';
import { exception } from './exception.ts';
import { assembleFromFile, assembleFromQuery, type InsertStatement } from './insert.ts';
import { isWord, nextToken } from './lexer.ts';
import type { QueryRequest } from './request.ts';
import type { EngineAnswer, Lanes, LentSession } from './sessions.ts';
import { stringLiteral } from './settings.ts';
import { toLatin1 } from './sql_text.ts';
import { assemble, parseStatement, placeholders, type Statement } from './statement.ts';

export interface Executed {
  readonly bytes: Uint8Array;
  readonly format: string;
  /** The value of `X-ClickHouse-Summary`; ClickHouse writes its numbers as strings. */
  readonly summary: Readonly<Record<string, string>>;
}

interface WriteCounters {
  readonly rows: bigint;
  readonly bytes: bigint;
}

type Queried = Extract<Statement, { kind: 'read' | 'kill' | 'change' }>;

const NOTHING: EngineAnswer = { bytes: new Uint8Array(0), elapsed_ms: 0, result_rows: 0, result_bytes: 0 };

export class Executor {
  constructor(private readonly ports: { readonly lanes: Lanes; readonly newFileName: () => string }) {}

  /**
   * Runs the request's statement. Rejects with a `ClickHouseException`.
   *
   * @param abandoned aborted when nobody waits for the answer any more: a statement that waits for a session is then dropped
   */
  async execute(request: QueryRequest, body: Body, abandoned: AbortSignal): Promise<Executed> {
    const url_text = request.url_query.trim() === '' ? '' : `${toLatin1(request.url_query)}\n`;
    const text = url_text + body.head.toString('latin1');
    if (body.file !== undefined && !isWord(nextToken(text, 0), 'INSERT')) throw tooLarge();
    const statement = parseStatement(text);
    if (statement.kind === 'no_effect') {
      if (request.in_session)
        throw exception('NOT_IMPLEMENTED', 'SET and USE last for one request only: the embedded engine keeps no sessions');
      return executed(NOTHING, request.format);
    }
    if (request.read_only && statement.kind !== 'read') {
      throw exception('READONLY', 'Cannot execute query in readonly mode. For queries over HTTP, method GET implies readonly; use POST');
    }
    if (statement.kind !== 'insert') return this.#query(request, statement, abandoned);
    if (statement.source.kind === 'data') return this.#insertData(request, statement, url_text, body, abandoned);
    if (body.file !== undefined) throw tooLarge();
    const query = statement.source.tokens;
    checkParameters(request, placeholders([...statement.target, ...query]));
    return this.#insert(request, assembleFromQuery(statement, query, request.settings), abandoned);
  }

  /** Ends the reads that run for `query_id`. Best effort: a read may end by itself meanwhile. */
  async killReads(query_id: string): Promise<void> {
    const sql = `KILL QUERY WHERE Settings['log_comment'] = ${stringLiteral(query_id)} AND query_kind = 'Select'`;
    await this.ports.lanes.kill.use((session) => session.run(sql, 'Null'));
  }

  /** Ends all reads: the daemon stops. */
  async killAllReads(): Promise<void> {
    await this.ports.lanes.kill.use((session) => session.run("KILL QUERY WHERE query_kind = 'Select'", 'Null'));
  }

  async #query(request: QueryRequest, statement: Queried, abandoned: AbortSignal): Promise<Executed> {
    checkParameters(request, placeholders(statement.tokens));
    const assembled = assemble(statement, request.format, request.settings);
    const answer = await this.ports.lanes[statement.kind].use(async (session) => {
      refuseAbandoned(abandoned);
      await session.prepare(request.database, request.parameters);
      return session.run(assembled.sql, assembled.format);
    });
    return executed(answer, assembled.format);
  }

  async #insertData(
    request: QueryRequest,
    statement: InsertStatement,
    url_text: string,
    body: Body,
    abandoned: AbortSignal,
  ): Promise<Executed> {
    if (statement.source.kind !== 'data') return executed(NOTHING, request.format);
    checkParameters(request, placeholders(statement.target));
    const { format, data_offset } = statement.source;
    const in_url = url_text.slice(data_offset);
    const prefix = in_url.trim() === '' ? '' : in_url;
    const file = this.ports.newFileName();
    try {
      const name = await dataFile(Buffer.from(prefix, 'latin1'), body, Math.max(0, data_offset - url_text.length), file);
      return await this.#insert(request, assembleFromFile(statement, format, name, request.settings), abandoned);
    } finally {
      await removeFiles(file);
    }
  }

  /** INSERTs run one at a time, so the engine's counters before and after tell what this one wrote, its views included. */
  async #insert(request: QueryRequest, sql: string, abandoned: AbortSignal): Promise<Executed> {
    return this.ports.lanes.insert.use(async (session) => {
      refuseAbandoned(abandoned);
      await session.prepare(request.database, request.parameters);
      const before = await readCounters(session);
      const answer = await session.run(sql, request.format);
      const after = await readCounters(session);
      const written = { rows: after.rows - before.rows, bytes: after.bytes - before.bytes };
      return executed({ ...answer, bytes: NOTHING.bytes, result_rows: 0, result_bytes: 0 }, request.format, written);
    });
  }
}

async function readCounters(session: LentSession): Promise<WriteCounters> {
  const sql = "SELECT sumIf(value, event = 'InsertedRows'), sumIf(value, event = 'InsertedBytes') FROM system.events";
  const answer = await session.run(sql, 'TabSeparated');
  const [rows = '0', bytes = '0'] = Buffer.from(answer.bytes).toString().trim().split('\t');
  return { rows: BigInt(rows), bytes: BigInt(bytes) };
}

function checkParameters(request: QueryRequest, names: readonly string[]): void {
  const missing = names.find((name) => !request.parameters.has(name));
  if (missing !== undefined) throw exception('UNKNOWN_QUERY_PARAMETER', `Substitution \`${missing}\` is not set`);
}

function refuseAbandoned(abandoned: AbortSignal): void {
  if (abandoned.aborted) throw exception('ABORTED', 'The client went away before the query ran');
}

function executed(answer: EngineAnswer, format: string, written: WriteCounters = { rows: 0n, bytes: 0n }): Executed {
  const summary = {
    read_rows: answer.result_rows,
    read_bytes: answer.result_bytes,
    written_rows: written.rows,
    written_bytes: written.bytes,
    total_rows_to_read: 0,
    result_rows: written.rows > 0n ? written.rows : answer.result_rows,
    result_bytes: written.rows > 0n ? written.bytes : answer.result_bytes,
    elapsed_ns: Math.round(answer.elapsed_ms * 1e6),
  };
  return {
    bytes: answer.bytes,
    format,
    summary: Object.fromEntries(Object.entries(summary).map(([name, value]) => [name, String(value)])),
  };
}

function tooLarge(): Error {
  return exception('SYNTAX_ERROR', 'Syntax error: Max query size exceeded. Only the data of an INSERT may be larger');
}

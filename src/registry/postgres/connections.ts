/**
 * Connections to the fleet's PostgreSQL: few, bounded in every wait, made anew by themselves.
 *
 * A statement whose connection failed is sent once more, on another connection: the statements here may all be repeated. Whatever else goes wrong is
 * `registry_unavailable` with the server's own words, which never hold the password.
 *
 * The client's modules are loaded with the first statement: a daemon whose registry is embedded never needs them.
 */
import type pg from 'pg';
import { OperatingError } from '../../contract/errors.ts';

const CONNECTIONS_MAX = 4;
const CONNECT_MS_MAX = 2_000;
const STATEMENT_MS_MAX = 4_000;
/** Longer than the server takes to give up: then its answer says why. */
const ANSWER_MS_MAX = 5_000;

/** SQLSTATEs after which the same statement may well succeed: connections (08), shutdown (57P), serialization and deadlock (40). */
const PASSING_STATES = /^(08|57P|40)/;

export interface Rows {
  readonly rows: readonly Readonly<Record<string, unknown>>[];
  readonly count: number;
}

interface Client {
  readonly pool: pg.Pool;
  isRefusal(error: unknown): error is pg.DatabaseError;
}

async function createClient(url: string): Promise<Client> {
  const { Pool, DatabaseError } = (await import('pg')).default;
  const pool = new Pool({
    connectionString: url,
    max: CONNECTIONS_MAX,
    connectionTimeoutMillis: CONNECT_MS_MAX,
    statement_timeout: STATEMENT_MS_MAX,
    query_timeout: ANSWER_MS_MAX,
    keepAlive: true,
    application_name: 'penstock',
  });
  // An idle connection that the server closed: the pool has dropped it already, and the next statement says what is wrong, if anything is.
  pool.on('error', () => undefined);
  return { pool, isRefusal: (error) => error instanceof DatabaseError };
}

export class Connections {
  private client: Promise<Client> | undefined;

  /** @param url `postgres://user:password@host:port/database?parameters` */
  constructor(private readonly url: string) {}

  async query(statement: string, parameters: readonly unknown[]): Promise<Rows> {
    const client = await this.connected();
    try {
      return await this.send(statement, parameters);
    } catch (error) {
      if (client.isRefusal(error) && !PASSING_STATES.test(error.code ?? '')) throw unavailable(error);
    }
    return this.send(statement, parameters).catch((error: unknown) => {
      throw unavailable(error);
    });
  }

  /** Several statements without parameters, in one message. */
  async script(statements: string): Promise<void> {
    const { pool } = await this.connected();
    await pool.query(statements).catch((error: unknown) => {
      throw unavailable(error);
    });
  }

  async close(): Promise<void> {
    await (await this.client)?.pool.end();
  }

  private async send(statement: string, parameters: readonly unknown[]): Promise<Rows> {
    const { pool } = await this.connected();
    const result = await pool.query<Record<string, unknown>>(statement, [...parameters]);
    return { rows: result.rows, count: result.rowCount ?? 0 };
  }

  private connected(): Promise<Client> {
    this.client ??= createClient(this.url);
    return this.client;
  }
}

function unavailable(error: unknown): OperatingError {
  return new OperatingError('registry_unavailable', { reason: reasonOf(error) }, { cause: error });
}

function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
  return error instanceof Error && error.message !== '' ? error.message : String(error);
}

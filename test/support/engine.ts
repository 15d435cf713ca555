/** The embedded ClickHouse alone, in a directory of its own, ended with its test. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SYSTEM_CLOCK } from '../../src/base/system_clock.ts';
import { EmbeddedClickHouse } from '../../src/clickhouse/embedded/supervisor.ts';
import type { Owner } from './daemon.ts';
import { copyStore, PREPARED_STORE, storeDirectory } from './prepared_store.ts';

const STOP_MS_MAX = 5_000;

export class TestEngine {
  constructor(readonly url: string) {}

  /** Runs a statement and resolves to its answer's text; rejects with ClickHouse's words. */
  run(sql: string, parameters = ''): Promise<string> {
    return this.request(`${this.url}/?${parameters}`, sql);
  }

  /** Rows of a query on the daemon's database as objects. */
  async query<Row>(sql: string): Promise<Row[]> {
    const text = await this.run(sql, 'database=penstock&default_format=JSONEachRow');
    const rows: Row[] = JSON.parse(`[${text.trim().split('\n').filter(Boolean).join(',')}]`);
    return rows;
  }

  insertNative(into: string, block: Uint8Array, settings = ''): Promise<string> {
    const query = encodeURIComponent(`INSERT INTO ${into} FORMAT Native`);
    return this.request(`${this.url}/?query=${query}&${settings}`, block);
  }

  private async request(url: string, body: string | Uint8Array): Promise<string> {
    const answer = await fetch(url, { method: 'POST', body });
    const text = await answer.text();
    if (!answer.ok) throw new Error(text);
    return text;
  }
}

/** @param port 0 = any free one */
export async function startEngine(owner: Owner, port = 0): Promise<TestEngine> {
  return startIn(owner, await temporaryDirectory(), port);
}

/** With the daemon's tables, where the run of the tests has prepared a store. */
export async function startPreparedEngine(owner: Owner): Promise<TestEngine> {
  const directory = await temporaryDirectory();
  const store = process.env[PREPARED_STORE];
  if (store !== undefined) await copyStore(store, directory);
  return startIn(owner, directory, 0);
}

async function startIn(owner: Owner, directory: string, port: number): Promise<TestEngine> {
  const engine = new EmbeddedClickHouse({ data_directory: storeDirectory(directory), port, clock: SYSTEM_CLOCK, on_log: () => undefined });
  owner.after(async () => {
    await engine.stop(STOP_MS_MAX);
    await rm(directory, { recursive: true, force: true, maxRetries: 5 });
  });
  await engine.start();
  return new TestEngine(engine.url);
}

function temporaryDirectory(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'penstock-engine-'));
}

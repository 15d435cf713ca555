/** Asks a daemon's ClickHouse what has arrived. */
import type { Server } from './servers.ts';

/** The text of the answer; rejects with ClickHouse's own words when it has another. */
export async function askClickHouse({ clickhouse_url }: Pick<Server, 'clickhouse_url'>, sql: string): Promise<string> {
  const answer = await fetch(`${clickhouse_url}/`, { method: 'POST', body: sql });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`ClickHouse answers ${answer.status} to ${sql}: ${text}`);
  return text;
}

/** Whether what a load was told to be accepted is in ClickHouse: distinct events of its fleet, whose devices no other seed has. */
import { randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { runStatement } from '../../clickhouse/statement.ts';
import type { Config } from '../../config/schema.ts';
import { quoteIdentifier } from '../../contract/table_ddl.ts';
import { withClickHouse } from '../clickhouse_client.ts';
import { createFleet } from './fleet.ts';

const LANDING_MS_MAX = 60_000;
const POLL_MS = 250;

export class Landing {
  private readonly prefix: string;

  constructor(
    private readonly config: Config,
    seed: number,
  ) {
    this.prefix = createFleet(seed, 1).device_prefix;
  }

  /** Distinct events of the fleet in ClickHouse now. */
  async count(): Promise<number> {
    const query = `SELECT uniqExact(event_id) FROM ${quoteIdentifier(this.config.clickhouse.database)}.deploy_events WHERE startsWith(distinct_id, {prefix:String})`;
    const { text } = await withClickHouse(this.config, (client) =>
      runStatement(client, { query, query_id: `load-${randomUUID()}`, parameters: { prefix: this.prefix } }),
    );
    return Number(text);
  }

  /** Waits until there are at least `events`, at most a minute, and resolves to what there is then. */
  async wait(events: number): Promise<number> {
    const deadline_ms = performance.now() + LANDING_MS_MAX;
    for (;;) {
      const landed = await this.count();
      if (landed >= events || performance.now() > deadline_ms) return landed;
      await setTimeout(POLL_MS);
    }
  }
}

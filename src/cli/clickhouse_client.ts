/** A connection to the ClickHouse that the configuration names, for commands that ask more than one thing of it. */
import { type ClickHouseClient, createConnection, ServerAddress } from '../clickhouse/connection.ts';
import type { Config } from '../config/schema.ts';
import { OperatingError } from '../contract/errors.ts';
import { SinkFailure } from '../contract/sink.ts';

const CONNECTIONS_MAX = 2;

/**
 * Runs `use` with a connection, and closes it.
 *
 * @throws OperatingError `query_failed` or `daemon_unreachable` for what a statement of `use` ends in
 */
export async function withClickHouse<Result>(config: Config, use: (client: ClickHouseClient) => Promise<Result>): Promise<Result> {
  const address = addressOf(config);
  const client = createConnection({ address, connections_max: CONNECTIONS_MAX, request_timeout_ms: config.delivery.request_timeout_ms });
  try {
    return await use(client);
  } catch (error) {
    if (!(error instanceof SinkFailure)) throw error;
    const is_answer = /^[0-9]+$/.test(error.code);
    if (is_answer) throw new OperatingError('query_failed', { answer: error.message }, { cause: error });
    throw new OperatingError('daemon_unreachable', { url: address.url, reason: error.message }, { cause: error });
  } finally {
    await client.close();
  }
}

function addressOf({ clickhouse }: Config): ServerAddress {
  if (clickhouse.url !== 'embedded') return ServerAddress.parse(clickhouse.url);
  if (clickhouse.embedded_port === 0) {
    const problem = 'clickhouse.embedded_port is 0: set PENSTOCK_CLICKHOUSE__EMBEDDED_PORT to the port that the daemon printed.';
    throw new OperatingError('usage', { problem });
  }
  return ServerAddress.parse(
    `http://default:${encodeURIComponent(clickhouse.embedded_password ?? '')}@127.0.0.1:${clickhouse.embedded_port}`,
  );
}

/** The only module that touches chDB: its `Session` as the port `EngineSession`. */
import { Session } from 'chdb';
import type { EngineSession } from './sessions.ts';

/** A chDB session on the engine's directory. The engine itself starts with the first. */
export function openChdbSession(directory: string, connection_arguments: readonly string[]): EngineSession {
  const session = new Session(directory, { connectionArgs: connection_arguments });
  return {
    run: async (sql, format) => {
      const result = await session.queryAsync(sql, { format });
      return { bytes: result.bytes(), elapsed_ms: result.elapsed * 1000, result_rows: result.rowsRead, result_bytes: result.bytesRead };
    },
    close: () => session.close(),
  };
}

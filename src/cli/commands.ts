/** The list of subcommands, in the order in which help shows them. A new one is a file of its own and a line here. */
import { CHECK_COMMAND } from './check.ts';
import type { CommandEntry } from './command.ts';
import { DEAD_LETTER_COMMANDS } from './dead_letter.ts';
import { ERASE_COMMAND } from './erase.ts';
import { HEALTH_COMMAND } from './health.ts';
import { KEYS_COMMANDS } from './keys.ts';
import { LEDGER_COMMAND } from './ledger.ts';
import { LOAD_COMMAND } from './load.ts';
import { makeServeCommand } from './serve.ts';
import { SQL_COMMAND } from './sql.ts';
import { TRACE_COMMAND } from './trace.ts';
import { VERIFY_COMMAND } from './verify.ts';

// Only `serve` needs the daemon's stages and their native libraries: the others start without loading them.
const SERVE_COMMAND = makeServeCommand(async (options) => (await import('../compose.ts')).startDaemon(options));

export const COMMANDS: readonly CommandEntry[] = [
  SERVE_COMMAND,
  CHECK_COMMAND,
  KEYS_COMMANDS,
  SQL_COMMAND,
  DEAD_LETTER_COMMANDS,
  LEDGER_COMMAND,
  VERIFY_COMMAND,
  TRACE_COMMAND,
  ERASE_COMMAND,
  LOAD_COMMAND,
  HEALTH_COMMAND,
];

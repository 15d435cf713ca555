/** `ledger`: what became of every event, from the running daemon or, when none holds the data directory, from its files. */
import { existsSync } from 'node:fs';
import type { Config } from '../config/schema.ts';
import { OperatingError } from '../contract/errors.ts';
import { isBalanced, type LedgerAnswer, type LedgerFigures } from '../contract/ledger.ts';
import type { Clock } from '../contract/ports.ts';
import { readLedgerOffline } from '../pipeline/spool/ledger/offline.ts';
import { lockDirectory } from '../pipeline/spool/lock.ts';
import { NodeFs } from '../pipeline/spool/node_fs.ts';
import { SOURCES } from '../sources/list.ts';
import { askAdmin } from './admin_client.ts';
import { type Command, type CommandContext, JSON_OPTION } from './command.ts';

export const LEDGER_COMMAND: Command = {
  name: 'ledger',
  summary: 'Show what became of every event: received, accepted, rejected, delivered, spooled, dead-lettered',
  description: [
    'It asks the running daemon (admin.host, admin.port, admin.token) or, when none holds the data directory, reads its files.',
    'received = accepted + rejected, and accepted = delivered + spooled + dead-lettered; exit 1 when that does not hold.',
  ].join('\n'),
  options: [JSON_OPTION],
  examples: ['ledger', 'ledger --json'],
  run: runLedger,
};

async function runLedger(context: CommandContext): Promise<number> {
  const { config } = await context.loadConfig();
  const answer = await readAnswer(config, context.clock);
  context.stdout.write(context.options.flag('json') ? `${JSON.stringify(answer)}\n` : describe(answer));
  return isBalanced(answer) ? 0 : 1;
}

async function readAnswer(config: Config, clock: Clock): Promise<LedgerAnswer> {
  try {
    const answer: LedgerAnswer = JSON.parse(await askAdmin(config, '/ledger'));
    return answer;
  } catch (error) {
    if (!(error instanceof OperatingError) || error.code !== 'daemon_unreachable') throw error;
    return await readFiles(config.data_dir, clock, error);
  }
}

/** @param unreachable what is said when a daemon holds the directory after all */
async function readFiles(data_dir: string, clock: Clock, unreachable: OperatingError): Promise<LedgerAnswer> {
  // The lock would say that no socket can listen there.
  if (!existsSync(data_dir)) throw new OperatingError('data_dir_missing', { data_dir }, { cause: unreachable });
  const lock = await lockDirectory(data_dir).catch((error: unknown) => {
    throw error instanceof OperatingError && error.code === 'data_dir_locked' ? unreachable : error;
  });
  try {
    const ledger = await readLedgerOffline(new NodeFs(), clock, data_dir);
    return ledger.answer(SOURCES.map(({ name }) => name));
  } finally {
    await lock.release();
  }
}

const HEADER = ['SOURCE', 'RECEIVED', 'REJECTED', 'ACCEPTED', 'DELIVERED', 'SPOOLED', 'DEAD-LETTERED'];

function describe(answer: LedgerAnswer): string {
  const sources = Object.entries(answer.by_source).sort(([left], [right]) => left.localeCompare(right));
  const rows = [HEADER, ...sources.map(([source, figures]) => cellsOf(source, figures)), cellsOf('all', answer)];
  const widths = HEADER.map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const lines = rows.map((row) =>
    row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column]))).join('  '),
  );
  const reasons = Object.entries(answer.rejected).sort(([, left], [, right]) => right - left);
  const rejected = reasons.map(([reason, count]) => `  ${reason} ${count}`);
  const verdict = isBalanced(answer)
    ? 'The books balance.'
    : 'THE BOOKS DO NOT BALANCE: this is a bug, or the disk is damaged; the log says more.';
  return `${[...lines, ...(rejected.length === 0 ? [] : ['', 'Rejected, by reason', ...rejected]), '', verdict].join('\n')}\n`;
}

function cellsOf(source: string, { received, rejected, accepted, delivered, spooled, dead_lettered }: LedgerFigures): readonly string[] {
  const refused = Object.values(rejected).reduce((sum, count) => sum + count, 0);
  return [source, ...[received, refused, accepted, delivered, spooled, dead_lettered].map(String)];
}

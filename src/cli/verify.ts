/** `verify` as the command line knows it; the work is loaded when it is asked for. */
import { type Command, JSON_OPTION } from './command.ts';

export const VERIFY_COMMAND: Command = {
  name: 'verify',
  summary: 'Compare the ledger with what ClickHouse holds, segment by segment',
  description: [
    'It reads the books in data_dir and counts rows by ingest_segment in ClickHouse; the daemon may run meanwhile. Exit 1 when a segment has too few or too',
    'many rows, when rows belong to a segment that no book knows, or when an erasure is unfinished. Months beyond the retention of ClickHouse, and',
    'records older than 90 days, are left out and named.',
  ].join('\n'),
  options: [
    { name: 'fleet', summary: 'Accept segments that this book does not know: other daemons deliver to the same ClickHouse' },
    JSON_OPTION,
  ],
  examples: ['verify', 'verify --json'],
  run: async (context) => (await import('./verify/verify.ts')).runVerify(context),
};

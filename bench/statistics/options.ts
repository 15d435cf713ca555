/** The command line of `npm run bench:statistics`. */
import { parseArgs } from 'node:util';
import { readNumber } from '../load/command.ts';
import { SLICE_ROWS } from './fleet.ts';

export interface StatisticsBenchOptions {
  readonly slices: number;
  readonly rounds: number;
  /** Kept afterwards, and used as it is when it is there. */
  readonly directory: string | undefined;
  readonly help: boolean;
}

export const HELP = `Measures release statistics over a fleet's history in the embedded ClickHouse, and says which targets they meet.

npm run bench:statistics -- [options]
  --rows N         Make a history of so many million rows (default 10; the targets are for 100, which takes 10 GiB and ten minutes)
  --rounds N       Ask each question so many times and take the best (default 5)
  --directory DIR  Keep the data there, and use what is there already
  --help           Print this
`;

const MILLIONS_MAX = 1000;
const ROUNDS_MAX = 100;

/** Throws an Error that says what is wrong with the line. */
export function readOptions(argv: readonly string[]): StatisticsBenchOptions {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      rows: { type: 'string', default: '10' },
      rounds: { type: 'string', default: '5' },
      directory: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  const millions = readNumber('rows', values.rows, MILLIONS_MAX);
  return {
    slices: (millions * 1_000_000) / SLICE_ROWS,
    rounds: readNumber('rounds', values.rounds, ROUNDS_MAX),
    directory: values.directory,
    help: values.help,
  };
}

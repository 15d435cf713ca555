/** The command line of `npm run bench:load`. */
import { parseArgs } from 'node:util';
import { readNumber } from './command.ts';

/** What can be loaded: each has targets of its own. */
export const SOURCE_NAMES = ['deploy_report', 'release_events', 'crash_webhooks'] as const;
export type SourceName = (typeof SOURCE_NAMES)[number];

export interface BenchOptions {
  readonly source: SourceName;
  readonly rounds: number;
  readonly seconds: number;
  /** Sizes of batch to load with, events per request. */
  readonly batches: readonly number[];
  /** With a source whose requests bring one event each. */
  readonly connections: number;
  /** Versions in the registry of a second daemon, with release_events; 0: there is none. */
  readonly versions: number;
  readonly report_directory: string;
  readonly json: boolean;
  readonly help: boolean;
}

/** Of a load, unless it says otherwise. */
export const CONNECTIONS = 64;

export const HELP = `Measures the daemon against the raw peer and says which targets it meets (exit 1 if it misses one).

npm run bench:load -- [options]
  --source NAME    Load with deploy_report (the default), or release_events or crash_webhooks, whose requests bring one event each
  --rounds N       Measure every server so many times and take the medians (default 3)
  --seconds S      Load for so many seconds each time (default 3)
  --quick          Do one round of one second: a look, not a measurement
  --batches LIST   Load with so many events per request (default 1,100,1000)
  --versions N     With release_events: compare an empty registry with one that holds so many versions, and their starts
  --connections N  With release_events or crash_webhooks: load over so many connections (default ${CONNECTIONS})
  --report DIR     Write load.html and load.json there (default bench/report)
  --json           Print JSON for scripts
  --help           Print this
`;

const ROUNDS_MAX = 100;
const CONNECTIONS_MAX = 10_000;
const SECONDS_MAX = 600;
const VERSIONS_MAX = 10_000_000;
const BATCH_EVENTS_MAX = 10_000;

/** Throws an Error that says what is wrong with the line. */
export function readOptions(argv: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      source: { type: 'string', default: 'deploy_report' },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      quick: { type: 'boolean', default: false },
      batches: { type: 'string', default: '1,100,1000' },
      connections: { type: 'string', default: String(CONNECTIONS) },
      versions: { type: 'string' },
      report: { type: 'string', default: 'bench/report' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  return {
    source: readSource(values.source),
    rounds: readNumber('rounds', values.rounds ?? (values.quick ? '1' : '3'), ROUNDS_MAX),
    seconds: readNumber('seconds', values.seconds ?? (values.quick ? '1' : '3'), SECONDS_MAX),
    batches: values.batches.split(',').map((batch) => readNumber('batches', batch, BATCH_EVENTS_MAX)),
    connections: readNumber('connections', values.connections, CONNECTIONS_MAX),
    versions: values.versions === undefined ? 0 : readNumber('versions', values.versions, VERSIONS_MAX),
    report_directory: values.report,
    json: values.json,
    help: values.help,
  };
}

function readSource(text: string): SourceName {
  const source = SOURCE_NAMES.find((name) => name === text);
  if (source !== undefined) return source;
  throw new Error(`--source must be ${SOURCE_NAMES.join(' or ')}, not ${JSON.stringify(text)}.`);
}

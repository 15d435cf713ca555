/**
 * `npm run bench:overload`: finds what a daemon acknowledges at most, then offers twice that, and looks what becomes of it. Exit 0: the targets
 * are met, 1: one is missed or the bench failed, 2: wrong usage. Loopback only; whatever it starts it ends. Linux, for /proc.
 */
import { parseArgs } from 'node:util';
import { type Children, withChildren } from '../load/child.ts';
import { readNumber, runCommand } from '../load/command.ts';
import { startDaemon } from '../load/servers.ts';
import { formatTable, formatVerdict } from '../load/table.ts';
import { readCores } from './cores.ts';
import { measureOverload, type Overload } from './measure.ts';
import { measureSustainedOverload, SMALL_SPOOL } from './sustained.ts';

const HELP = `Measures what becomes of requests when twice as many come as a daemon can take (exit 1 if a target is missed).

npm run bench:overload -- [options]
  --batches LIST   Offer batches of so many events (default 100,1)
  --seconds S      Send for so many seconds, at each of both loads (default 8)
  --times X        Offer so many times the maximum (default 2)
  --sustained      Offer so many times what reaches ClickHouse as fast as it comes, with the spool full; daemon, ClickHouse and senders share the processors
  --unpinned       Let the daemon and the senders share the processors (default: the daemon with its engine has one, the senders another)
  --json           Print JSON for scripts
  --help           Print this

Of ten senders two come back at once when they are refused; the others do as Retry-After says. Where the senders cannot begin their requests in time,
it is not judged. "p99" is from when a request was due: until the senders begin it, until a connection is free for it, and from when it was
written to its answer; "core" is what the senders use of one.
`;

const GOODPUT_SHARE_MIN = 0.9;
const P99_MS_MAX = 200;

interface Options {
  readonly batches: readonly number[];
  readonly seconds: number;
  readonly times: number;
  readonly sustained: boolean;
  readonly unpinned: boolean;
  readonly json: boolean;
  readonly help: boolean;
}

function format(overloads: readonly Overload[]): string {
  const columns: readonly (readonly [string, (overload: Overload) => string])[] = [
    ['events/request', ({ batch_events }) => String(batch_events)],
    ['maximum/s', ({ maximum_per_s }) => maximum_per_s.toFixed(0)],
    ['offered/s', ({ report }) => perSecond(report, report.offered)],
    ['goodput/s', ({ report }) => perSecond(report, report.acknowledged)],
    ['share', (overload) => shareOf(overload).toFixed(2)],
    ['refused', ({ report }) => String(report.refused)],
    ['p50 ms', ({ report }) => report.p50_ms.toFixed(0)],
    ['p99 ms', ({ report }) => report.p99_ms.toFixed(0)],
    ['begun p99', ({ report }) => report.late_p99_ms.toFixed(0)],
    ['connected p99', ({ report }) => report.unconnected_p99_ms.toFixed(0)],
    ['written p50', ({ report }) => report.written_p50_ms.toFixed(0)],
    ['written p99', ({ report }) => report.written_p99_ms.toFixed(0)],
    ['refused p99', ({ report }) => report.refused_p99_ms.toFixed(0)],
    ['core', ({ report }) => report.core_share.toFixed(2)],
    ['tries', ({ report }) => String(report.tries_max)],
    ['lost', ({ lost_events }) => String(lost_events)],
  ];
  return formatTable({
    header: columns.map(([name]) => name),
    rows: overloads.map((overload) => columns.map(([, cell]) => cell(overload))),
  });
}

function perSecond({ duration_ms }: Overload['report'], count: number): string {
  return ((count * 1000) / duration_ms).toFixed(0);
}

function shareOf({ maximum_per_s, report }: Pick<Overload, 'maximum_per_s' | 'report'>): number {
  return report.acknowledged / (report.duration_ms / 1000) / maximum_per_s;
}

function judge(overload: Overload): { readonly what: string; readonly met: boolean }[] {
  const { batch_events, report, lost_events, unfit } = overload;
  const share = shareOf(overload);
  const verdict = (what: string, met: boolean): { what: string; met: boolean } => ({ what: `${batch_events} events: ${what}`, met });
  if (unfit !== undefined) return [verdict(unfit, false)];
  return [
    verdict(`goodput at least ${GOODPUT_SHARE_MIN} of the maximum: ${share.toFixed(2)}`, share >= GOODPUT_SHARE_MIN),
    verdict(`p99 of those acknowledged at most ${P99_MS_MAX} ms: ${report.p99_ms.toFixed(0)}`, report.p99_ms <= P99_MS_MAX),
    verdict(`no acknowledged event lost: ${lost_events}`, lost_events === 0),
    verdict(`every other answer 429 or 503 with Retry-After: ${JSON.stringify(report.wrong)}`, Object.keys(report.wrong).length === 0),
    verdict(`whoever obeyed was acknowledged: ${report.left} left`, report.left === 0),
  ];
}

/** Runs the bench and resolves to its exit code. */
function run(options: Options): Promise<number> {
  return withChildren('penstock-overload-', async (children, directory) => {
    const overloads = await (options.sustained ? measureSustained : measureAcknowledged)(children, directory, options);
    const verdicts = overloads.flatMap(judge);
    const judged = verdicts.map(({ what, met }) => formatVerdict(what, met));
    process.stdout.write(options.json ? `${JSON.stringify({ overloads, verdicts })}\n` : `${format(overloads)}\n${judged.join('')}`);
    return verdicts.every(({ met }) => met) ? 0 : 1;
  });
}

async function measureAcknowledged(children: Children, directory: string, options: Options): Promise<Overload[]> {
  const cores = options.unpinned ? undefined : await readCores();
  const daemon = await startDaemon(cores === undefined ? children : children.onCore(cores.daemon), directory, 'disk');
  const senders = cores === undefined ? children : children.onCore(cores.sender);
  const overloads: Overload[] = [];
  for (const batch_events of options.batches) overloads.push(await measureOverload(senders, daemon, { ...options, batch_events }));
  return overloads;
}

async function measureSustained(children: Children, directory: string, options: Options): Promise<Overload[]> {
  const daemon = await startDaemon(children, directory, 'disk', 'deploy', undefined, SMALL_SPOOL);
  const overloads: Overload[] = [];
  for (const batch_events of options.batches)
    overloads.push(await measureSustainedOverload(children, daemon, { ...options, batch_events }));
  return overloads;
}

/** Throws an Error that says what is wrong with the line. */
function readOptions(argv: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      batches: { type: 'string', default: '100,1' },
      seconds: { type: 'string', default: '8' },
      times: { type: 'string', default: '2' },
      sustained: { type: 'boolean', default: false },
      unpinned: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  return {
    batches: values.batches.split(',').map((batch) => readNumber('batches', batch, 999)),
    seconds: readNumber('seconds', values.seconds, 60),
    times: readNumber('times', values.times, 10),
    sustained: values.sustained,
    unpinned: values.unpinned,
    json: values.json,
    help: values.help,
  };
}

await runCommand({ name: 'bench:overload', help: HELP, readOptions, run });

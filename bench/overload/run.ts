/**
 * `npm run bench:overload`: finds what a daemon acknowledges at most, then offers twice that, and looks what becomes of it. Exit 0: the targets
 * are met, 1: one is missed or the bench failed, 2: wrong usage. Loopback only; whatever it starts it ends. Linux, for /proc.
 */
import { parseArgs } from 'node:util';
import { withChildren } from '../load/child.ts';
import { readNumber, runCommand } from '../load/command.ts';
import { startDaemon } from '../load/servers.ts';
import { formatTable, formatVerdict } from '../load/table.ts';
import { measureOverload, type Overload } from './measure.ts';

const HELP = `Measures what becomes of requests when twice as many come as a daemon can take (exit 1 if a target is missed).

npm run bench:overload -- [options]
  --batches LIST   Offer batches of so many events (default 100,1)
  --seconds S      Send for so many seconds, at each of both loads (default 8)
  --times X        Offer so many times the maximum (default 2)
  --json           Print JSON for scripts
  --help           Print this

Of ten senders two come back at once when they are refused; the others do as Retry-After says.
`;

const GOODPUT_SHARE_MIN = 0.9;
const P99_MS_MAX = 200;

interface Options {
  readonly batches: readonly number[];
  readonly seconds: number;
  readonly times: number;
  readonly json: boolean;
  readonly help: boolean;
}

function format(overloads: readonly Overload[]): string {
  const header = [
    'events/request',
    'maximum/s',
    'offered/s',
    'goodput/s',
    'share',
    'refused',
    'p50 ms',
    'p99 ms',
    'max ms',
    'tries',
    'lost',
  ];
  const rows = overloads.map(({ batch_events, maximum_per_s, report, lost_events }) => {
    const seconds = report.duration_ms / 1000;
    return [
      String(batch_events),
      maximum_per_s.toFixed(0),
      (report.offered / seconds).toFixed(0),
      (report.acknowledged / seconds).toFixed(0),
      shareOf({ maximum_per_s, report }).toFixed(2),
      String(report.refused),
      report.p50_ms.toFixed(0),
      report.p99_ms.toFixed(0),
      report.max_ms.toFixed(0),
      String(report.tries_max),
      String(lost_events),
    ];
  });
  return formatTable({ header, rows });
}

function shareOf({ maximum_per_s, report }: Pick<Overload, 'maximum_per_s' | 'report'>): number {
  return report.acknowledged / (report.duration_ms / 1000) / maximum_per_s;
}

function judge(overload: Overload): { readonly what: string; readonly met: boolean }[] {
  const { batch_events, report, lost_events } = overload;
  const share = shareOf(overload);
  const verdict = (what: string, met: boolean): { what: string; met: boolean } => ({ what: `${batch_events} events: ${what}`, met });
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
    const daemon = await startDaemon(children, directory, 'disk');
    const overloads: Overload[] = [];
    for (const batch_events of options.batches) overloads.push(await measureOverload(children, daemon, { ...options, batch_events }));
    const verdicts = overloads.flatMap(judge);
    const judged = verdicts.map(({ what, met }) => formatVerdict(what, met));
    process.stdout.write(options.json ? `${JSON.stringify({ overloads, verdicts })}\n` : `${format(overloads)}\n${judged.join('')}`);
    return verdicts.every(({ met }) => met) ? 0 : 1;
  });
}

/** Throws an Error that says what is wrong with the line. */
function readOptions(argv: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      batches: { type: 'string', default: '100,1' },
      seconds: { type: 'string', default: '8' },
      times: { type: 'string', default: '2' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  return {
    batches: values.batches.split(',').map((batch) => readNumber('batches', batch, 999)),
    seconds: readNumber('seconds', values.seconds, 60),
    times: readNumber('times', values.times, 10),
    json: values.json,
    help: values.help,
  };
}

await runCommand({ name: 'bench:overload', help: HELP, readOptions, run });

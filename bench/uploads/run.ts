/**
 * `npm run bench:uploads`: one long body after another into a daemon that serves a second client meanwhile, and the same into the raw peer.
 * Exit 0: the targets are met, 1: one is missed or the bench failed, 2: wrong usage. Loopback only; whatever it starts it ends. Linux, for /proc.
 */
import { parseArgs } from 'node:util';
import { type Children, withChildren } from '../load/child.ts';
import { readNumber, runCommand } from '../load/command.ts';
import { startDaemon, startRaw } from '../load/servers.ts';
import { formatTable, formatVerdict } from '../load/table.ts';
import { FORMS, type Form } from './bodies.ts';
import { measureUpload, type Upload } from './measure.ts';

const HELP = `Measures long uploads and what they do to a second client (exit 1 if a target is missed).

npm run bench:uploads -- [options]
  --megabytes N    Send so much, as it is once decompressed (default 500)
  --rounds N       Send each form so many times (default 3)
  --forms LIST     Of ${FORMS.join(', ')} (default json)
  --json           Print JSON for scripts
  --help           Print this

The targets are those of a JSON body of 500 MB: 200 MB/s until the answer, 256 MB of memory beside what the daemon had, and a
p99 of 50 ms of the second client during the upload.
`;

const MB = 1e6;
const RATE_MB_PER_S_MIN = 200;
const MEMORY_MB_MAX = 256;
const SECOND_CLIENT_P99_MS_MAX = 50;
/** It compiles what is hot. */
const WARM_UP_BYTES = 50 * MB;

interface Options {
  readonly bytes: number;
  readonly rounds: number;
  readonly forms: readonly Form[];
  readonly json: boolean;
  readonly help: boolean;
}

interface Named {
  readonly server: string;
  readonly upload: Upload;
}

async function bench({ bytes, rounds, forms }: Options, children: Children, directory: string): Promise<Named[]> {
  const daemon = await startDaemon(children, directory, 'disk');
  const raw = await startRaw(children, 0);
  const uploads: Named[] = [];
  // Each upload has a seed, and its second client the one behind it.
  let seed = Date.now();
  const next_seed = (): number => (seed += 2);
  for (const form of forms) {
    await measureUpload(children, daemon, { form, bytes: Math.min(bytes, WARM_UP_BYTES), seed: next_seed() });
    for (let round = 0; round < rounds; round++) {
      for (const server of form === 'json' ? [raw, daemon] : [daemon]) {
        const upload = await measureUpload(children, server, { form, bytes, seed: next_seed() });
        uploads.push({ server: server.name, upload });
        process.stderr.write(`${server.name}  ${form}  ${rateMbPerS(upload).toFixed(0)} MB/s\n`);
      }
    }
  }
  return uploads;
}

function rateMbPerS({ unfolded_bytes, duration_ms }: Upload): number {
  return unfolded_bytes / MB / (duration_ms / 1000);
}

function format(uploads: readonly Named[]): string {
  const header = ['', 'MB', 'events', 'MB/s', 'CPU s', 'sender s', '+MB', 'p99 ms', 'max ms', 'landing s', '+MB', 'p99 ms', 'alone p99'];
  const rows = uploads.map(({ server, upload }) => [
    `${server} ${upload.form}`,
    (upload.unfolded_bytes / MB).toFixed(0),
    String(upload.events),
    rateMbPerS(upload).toFixed(0),
    (upload.server_cpu_us / 1e6).toFixed(2),
    (upload.sender_cpu_us / 1e6).toFixed(2),
    (upload.memory_bytes / MB).toFixed(0),
    upload.during_p99_ms.toFixed(1),
    upload.during_max_ms.toFixed(1),
    upload.landing_ms === undefined ? '-' : (upload.landing_ms / 1000).toFixed(1),
    (upload.memory_landing_bytes / MB).toFixed(0),
    upload.landing_p99_ms.toFixed(1),
    upload.alone_p99_ms.toFixed(1),
  ]);
  return formatTable({ header, rows });
}

interface Verdict {
  readonly what: string;
  readonly met: boolean;
}

/** The worst round counts; the targets are those of JSON, and without an upload of it there is nothing to judge. */
function judge(uploads: readonly Named[]): Verdict[] {
  const judged = uploads.filter(({ server, upload }) => server === 'daemon' && upload.form === 'json').map(({ upload }) => upload);
  if (judged.length === 0) return [];
  const verdict = (what: string, figures: readonly number[], met: boolean): Verdict => ({
    what: `${what}: ${figures.map((figure) => figure.toFixed(0)).join(', ')}`,
    met,
  });
  const rates = judged.map(rateMbPerS);
  const memory = judged.map(({ memory_bytes, memory_landing_bytes }) => Math.max(memory_bytes, memory_landing_bytes) / MB);
  const p99s = judged.map(({ during_p99_ms }) => during_p99_ms);
  return [
    verdict(`at least ${RATE_MB_PER_S_MIN} MB/s`, rates, Math.min(...rates) >= RATE_MB_PER_S_MIN),
    verdict(`at most ${MEMORY_MB_MAX} MB more memory`, memory, Math.max(...memory) <= MEMORY_MB_MAX),
    verdict(`second client's p99 at most ${SECOND_CLIENT_P99_MS_MAX} ms`, p99s, Math.max(...p99s) <= SECOND_CLIENT_P99_MS_MAX),
  ];
}

/** Runs the bench and resolves to its exit code. */
function run(options: Options): Promise<number> {
  return withChildren('penstock-uploads-', async (children, directory) => {
    const uploads = await bench(options, children, directory);
    const verdicts = judge(uploads);
    const judged = verdicts.map(({ what, met }) => formatVerdict(what, met));
    process.stdout.write(options.json ? `${JSON.stringify({ uploads, verdicts })}\n` : `${format(uploads)}\n${judged.join('')}`);
    return verdicts.every(({ met }) => met) ? 0 : 1;
  });
}

/** Throws an Error that says what is wrong with the line. */
function readOptions(argv: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      megabytes: { type: 'string', default: '500' },
      rounds: { type: 'string', default: '3' },
      forms: { type: 'string', default: 'json' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const forms = values.forms.split(',').map((name) => {
    const form = FORMS.find((each) => each === name);
    if (form === undefined) throw new Error(`--forms must be of ${FORMS.join(', ')}, not ${JSON.stringify(name)}.`);
    return form;
  });
  const bytes = readNumber('megabytes', values.megabytes, 500) * MB;
  return { bytes, rounds: readNumber('rounds', values.rounds, 100), forms, json: values.json, help: values.help };
}

await runCommand({ name: 'bench:uploads', help: HELP, readOptions, run });

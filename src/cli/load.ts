/**
 * `penstock load`: plays a fleet of phones against a daemon, as a user's own proof of what it takes and keeps.
 *
 * Results go to stdout, progress to stderr. Ends with 1 if a single event was sent and never acknowledged.
 */
import { OperatingError } from '../contract/errors.ts';
import { type Command, type CommandContext, JSON_OPTION } from './command.ts';
import { type Address, addressOf, CA_OPTION, readDaemon, reasonOf, URL_OPTION } from './daemon_address.ts';
import { ENCODINGS, STREAM_ENCODINGS, TRANSPORTS } from './load/body_form.ts';
import { dial } from './load/http_connection.ts';
import { Landing } from './load/landing.ts';
import { LoadProgress } from './load/load_progress.ts';
import { formatLoad, reportLoad } from './load/load_report.ts';
import { type LoadPlan, LoadRun, NETWORKS } from './load/load_run.ts';
import { SeededRandom } from './load/seeded_random.ts';

const DEVICES = 100_000;
const BATCH_EVENTS = 100;
const SECONDS = 10;
const CONNECTIONS = 16;

const DEVICES_MAX = 1_000_000_000;
const BATCH_EVENTS_MAX = 100_000;
const RATE_MAX = 100_000_000;
const SECONDS_MAX = 30 * 86_400;
const CONNECTIONS_MAX = 4096;
const SEED_MAX = Number.MAX_SAFE_INTEGER;
const CONNECT_MS_MAX = 5000;
const HOUR_MS = 3_600_000;

export const LOAD_COMMAND: Command = {
  name: 'load',
  summary: 'Play a fleet of phones against a daemon and measure how it takes it',
  description: [
    'Sends OTA lifecycle events (downloads, installs, crashes, rollbacks) of a fleet on which releases roll out. What is sent',
    'depends on --seed and --devices alone: the same again is a re-delivery, which statistics count once. No two events of a',
    'load are equal. A 429 or 503 is obeyed and the same bytes are sent again, ten times at most. With --verify it ends with 0 only',
    'if every event sent was acknowledged and ClickHouse has as many different ones as were accepted.',
  ].join('\n'),
  options: [
    { name: 'key', value: 'KEY', summary: 'Authenticate with this deploy key (required)' },
    URL_OPTION,
    CA_OPTION,
    { name: 'devices', value: 'N', summary: `Play so many different devices (default ${DEVICES})` },
    { name: 'rate', value: 'R', summary: 'Send so many events per second; 0 is as fast as it goes (default 0)' },
    { name: 'batch', value: 'B', summary: `Put so many events into a request (default ${BATCH_EVENTS})` },
    { name: 'seconds', value: 'S', summary: `Stop after so many seconds (default ${SECONDS}; without end if --events is given)` },
    { name: 'events', value: 'N', summary: 'Stop after so many events' },
    { name: 'connections', value: 'C', summary: `Use so many connections, each with one request in flight (default ${CONNECTIONS})` },
    { name: 'transport', value: 'T', summary: 'Send over http, or over ws: WebSockets of /api/deploy/stream (default http)' },
    { name: 'encoding', value: 'E', summary: `Write batches as ${ENCODINGS.join(', ')} (default json; over ws json or msgpack)` },
    {
      name: 'network',
      value: 'N',
      summary: 'Be on a good network or a flaky one: delays, broken connections, lost answers (default good)',
    },
    { name: 'verify', summary: "Ask the configuration's ClickHouse whether it has what was accepted, each event once" },
    { name: 'seed', value: 'K', summary: 'Repeat the load of this seed (default: a new one, which is printed)' },
    JSON_OPTION,
  ],
  examples: [
    'load --key sk_live_… --seconds 30',
    'load --key sk_live_… --events 1000000 --batch 500',
    'load --key sk_live_… --rate 2000 --batch 1',
    'load --key sk_live_… --transport ws --encoding msgpack --network flaky --verify',
  ],
  run: runLoad,
};

async function runLoad(context: CommandContext): Promise<number> {
  const { options, clock, stdout, stderr } = context;
  const daemon = await readDaemon(context);
  if (daemon.url.pathname !== '/') throw new OperatingError('usage', { problem: '--url must have no path for a load.' });
  const url = daemon.url.origin;
  const plan = readPlan(context, addressOf(daemon));
  await checkReachable(plan.address, url);
  const landing = options.flag('verify') ? new Landing((await context.loadConfig()).config, plan.seed) : undefined;
  const landed_before = (await landing?.count()) ?? 0;
  const run = new LoadRun(plan, { clock, random: new SeededRandom(randomSeed(context)) });
  const progress = new LoadProgress(run, stderr, clock);
  let interrupted = false;
  context.onSignal('SIGINT', () => {
    if (interrupted) context.exit(1);
    interrupted = true;
    run.stop('interrupted');
  });
  // The clock's timers keep no process alive, and a load that waits to try again may have nothing but such a timer.
  const alive = setInterval(() => undefined, HOUR_MS);
  progress.start();
  const outcome = await run.run().finally(() => {
    clearInterval(alive);
    progress.stop();
  });
  const in_clickhouse = await landing?.wait(outcome.tally.accepted_events);
  const report = reportLoad(plan, url, outcome, in_clickhouse);
  stdout.write(options.flag('json') ? `${JSON.stringify(report)}\n` : formatLoad(report));
  // Of a seed that was played before, more may be there.
  const has_landed =
    in_clickhouse === undefined || in_clickhouse === report.accepted || (landed_before > 0 && in_clickhouse > report.accepted);
  return report.unacknowledged === 0 && has_landed ? 0 : 1;
}

function readPlan({ options, ...context }: CommandContext, address: Address): LoadPlan {
  const key = options.requiredText('key');
  if (!/^[\x21-\x7e]+$/.test(key)) throw new OperatingError('usage', { problem: '--key must be printable ASCII without spaces.' });
  const events_max = options.integer('events', Number.POSITIVE_INFINITY, { min: 1, max: Number.MAX_SAFE_INTEGER });
  const seconds = events_max === Number.POSITIVE_INFINITY ? SECONDS : Number.POSITIVE_INFINITY;
  return {
    address,
    key,
    events_max,
    seconds_max: options.number('seconds', seconds, { min: 0.001, max: SECONDS_MAX }),
    rate_events_per_s: options.number('rate', 0, { min: 0, max: RATE_MAX }),
    batch_events: options.integer('batch', BATCH_EVENTS, { min: 1, max: BATCH_EVENTS_MAX }),
    devices: options.integer('devices', DEVICES, { min: 1, max: DEVICES_MAX }),
    ...readForm(options),
    connections: options.integer('connections', CONNECTIONS, { min: 1, max: CONNECTIONS_MAX }),
    seed: options.integer('seed', randomSeed(context), { min: 0, max: SEED_MAX }),
  };
}

function readForm(options: CommandContext['options']): Pick<LoadPlan, 'transport' | 'encoding' | 'network'> {
  const transport = options.choice('transport', TRANSPORTS) ?? 'http';
  const encoding = options.choice('encoding', transport === 'ws' ? STREAM_ENCODINGS : ENCODINGS) ?? 'json';
  return { transport, encoding, network: options.choice('network', NETWORKS) ?? 'good' };
}

/** Says at once when nobody listens or it is not to be believed, instead of trying again as a phone would. */
function checkReachable(address: Address, url: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = dial(address, () => {
      socket.destroy();
      resolve();
    });
    const fail = (reason: string): void => {
      socket.destroy();
      reject(new OperatingError('daemon_unreachable', { url, reason }));
    };
    socket.setTimeout(CONNECT_MS_MAX, () => fail(`no connection within ${CONNECT_MS_MAX / 1000} s`));
    socket.on('error', (error) => fail(reasonOf(error)));
  });
}

function randomSeed(context: Pick<CommandContext, 'randomBytes'>): number {
  return Buffer.from(context.randomBytes(4)).readUInt32LE();
}

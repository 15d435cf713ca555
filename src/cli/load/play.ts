/** The work of `load`: reads the plan from the options, plays it, and says what came of it. */
import { OperatingError } from '../../contract/errors.ts';
import type { CommandContext } from '../command.ts';
import { type Address, addressOf, readDaemon, reasonOf } from '../daemon_address.ts';
import { ENCODINGS, STREAM_ENCODINGS, TRANSPORTS } from './body_form.ts';
import { dial } from './http_connection.ts';
import { Landing } from './landing.ts';
import { LOAD_DEFAULTS } from './load_defaults.ts';
import { LoadProgress } from './load_progress.ts';
import { formatLoad, reportLoad } from './load_report.ts';
import { type LoadPlan, LoadRun, NETWORKS } from './load_run.ts';
import { SeededRandom } from './seeded_random.ts';

const DEVICES_MAX = 1_000_000_000;
const BATCH_EVENTS_MAX = 100_000;
const RATE_MAX = 100_000_000;
const SECONDS_MAX = 30 * 86_400;
const CONNECTIONS_MAX = 4096;
const SEED_MAX = Number.MAX_SAFE_INTEGER;
const CONNECT_MS_MAX = 5000;
const HOUR_MS = 3_600_000;

export async function runLoad(context: CommandContext): Promise<number> {
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
  const seconds = events_max === Number.POSITIVE_INFINITY ? LOAD_DEFAULTS.seconds : Number.POSITIVE_INFINITY;
  return {
    address,
    key,
    events_max,
    seconds_max: options.number('seconds', seconds, { min: 0.001, max: SECONDS_MAX }),
    rate_events_per_s: options.number('rate', 0, { min: 0, max: RATE_MAX }),
    batch_events: options.integer('batch', LOAD_DEFAULTS.batch_events, { min: 1, max: BATCH_EVENTS_MAX }),
    devices: options.integer('devices', LOAD_DEFAULTS.devices, { min: 1, max: DEVICES_MAX }),
    ...readForm(options),
    connections: options.integer('connections', LOAD_DEFAULTS.connections, { min: 1, max: CONNECTIONS_MAX }),
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

/** `health`: whether a release is well, as an exit code, for a rollout script or a step of CI. */
import { parseJson } from '../base/json.ts';
import { OperatingError } from '../contract/errors.ts';
import { type Command, type CommandContext, JSON_OPTION } from './command.ts';
import { CA_OPTION, type Daemon, readDaemon, URL_OPTION } from './daemon_address.ts';
import { getFromDaemon } from './daemon_request.ts';

const EXIT = { healthy: 0, unhealthy: 1, too_little_data: 3 } as const;

type Verdict = keyof typeof EXIT;

/** What the daemon says of a release, as far as it matters here. */
interface ReleaseHealth {
  readonly unique_devices: number;
  /** Null without a device that installed or crashed. */
  readonly crash_rate: number | null;
}

const DEVICES_MIN = 1;

export const HEALTH_COMMAND: Command = {
  name: 'health',
  summary: 'Say whether a release is well, by its crash rate: exit 0 if so, 1 if not, 3 for too little data',
  description: [
    'It asks a daemon for the statistics of the release in the project of the key, which must be a read key.',
    'Too little data: fewer devices than --min-devices, or none yet that installed or crashed. Exit 1 also when there is no answer.',
  ].join('\n'),
  options: [
    URL_OPTION,
    CA_OPTION,
    { name: 'key', value: 'K', summary: 'Ask with the read key K (rk_…); required' },
    { name: 'release', value: 'R', summary: 'Judge the release with the release_id R; required' },
    { name: 'max-crash-rate', value: 'X', summary: 'Allow a share of X of the devices to have crashed, 0 to 1; required' },
    { name: 'min-devices', value: 'N', summary: `Judge only when N devices have reported (default ${DEVICES_MIN})` },
    JSON_OPTION,
  ],
  examples: ['health --key rk_… --release rel_xyz789 --max-crash-rate 0.02 --min-devices 500'],
  run: runHealth,
};

async function runHealth(context: CommandContext): Promise<number> {
  const { options, stdout } = context;
  const key = options.requiredText('key');
  if (!/^[\x21-\x7e]+$/.test(key)) throw new OperatingError('usage', { problem: '--key must be printable ASCII without spaces.' });
  const release = options.requiredText('release');
  if (options.text('max-crash-rate') === undefined) options.missing('max-crash-rate');
  const max_crash_rate = options.number('max-crash-rate', 0, { min: 0, max: 1 });
  const min_devices = options.integer('min-devices', DEVICES_MIN, { min: 0, max: Number.MAX_SAFE_INTEGER });
  const health = await askDaemon(await readDaemon(context), key, release);
  const verdict = judge(health, max_crash_rate, min_devices);
  const report = { release_id: release, verdict, ...health, max_crash_rate, min_devices };
  stdout.write(options.flag('json') ? `${JSON.stringify(report)}\n` : `${describe(report)}\n`);
  return EXIT[verdict];
}

function judge({ unique_devices, crash_rate }: ReleaseHealth, max_crash_rate: number, min_devices: number): Verdict {
  if (unique_devices < min_devices || crash_rate === null) return 'too_little_data';
  return crash_rate <= max_crash_rate ? 'healthy' : 'unhealthy';
}

function describe(report: ReleaseHealth & { release_id: string; verdict: Verdict; max_crash_rate: number; min_devices: number }): string {
  const { release_id, verdict, unique_devices, crash_rate, max_crash_rate, min_devices } = report;
  const devices = `${unique_devices} ${unique_devices === 1 ? 'device' : 'devices'}`;
  if (verdict === 'too_little_data') {
    const lacking = unique_devices < min_devices ? `${min_devices} are needed` : 'none has installed it yet';
    return `${release_id}: too little data: ${devices}, ${lacking}.`;
  }
  const rates = `crash rate ${percent(crash_rate ?? 0)}, ${percent(max_crash_rate)} allowed, ${devices}`;
  return `${release_id}: ${verdict}: ${rates}.`;
}

function percent(share: number): string {
  return `${Number((share * 100).toFixed(2))} %`;
}

/** Rejects with `daemon_unreachable` and `daemon_refused`. */
async function askDaemon(daemon: Daemon, key: string, release: string): Promise<ReleaseHealth> {
  const path = `/api/v1/deploy/releases/${encodeURIComponent(release)}`;
  const { status, text } = await getFromDaemon(daemon, path, { 'x-api-key': key });
  const refused = (reason: string): OperatingError => new OperatingError('daemon_refused', { url: daemon.url.origin, status, reason });
  if (status === 401) throw refused('it does not take this key. Statistics need a read key (rk_…); a deploy key cannot read.');
  // What is no JSON object is no daemon's answer: whoever asked says so.
  const value = parseJson(text);
  const body = typeof value === 'object' && value !== null ? value : {};
  if (status !== 200) throw refused('message' in body ? String(body.message) : 'without a reason.');
  const health = readHealth(body);
  if (health === undefined) throw refused('this is no release. Is it a Penstock daemon?');
  return health;
}

function readHealth(body: object): ReleaseHealth | undefined {
  const stats = 'stats' in body ? body.stats : undefined;
  if (typeof stats !== 'object' || stats === null || !('unique_devices' in stats) || !('crash_rate' in stats)) return undefined;
  const { unique_devices, crash_rate } = stats;
  if (typeof unique_devices !== 'number' || (typeof crash_rate !== 'number' && crash_rate !== null)) return undefined;
  return { unique_devices, crash_rate };
}

/**
 * `penstock load`: plays a fleet of phones against a daemon, as a user's own proof of what it takes and keeps.
 *
 * Results go to stdout, progress to stderr. Ends with 1 if a single event was sent and never acknowledged. This is the command as the command
 * line knows it; the work is loaded when it is asked for.
 */
import { type Command, JSON_OPTION } from './command.ts';
import { CA_OPTION, URL_OPTION } from './daemon_address.ts';
import { ENCODINGS } from './load/body_form.ts';
import { LOAD_DEFAULTS } from './load/load_defaults.ts';

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
    { name: 'devices', value: 'N', summary: `Play so many different devices (default ${LOAD_DEFAULTS.devices})` },
    { name: 'rate', value: 'R', summary: 'Send so many events per second; 0 is as fast as it goes (default 0)' },
    { name: 'batch', value: 'B', summary: `Put so many events into a request (default ${LOAD_DEFAULTS.batch_events})` },
    {
      name: 'seconds',
      value: 'S',
      summary: `Stop after so many seconds (default ${LOAD_DEFAULTS.seconds}; without end if --events is given)`,
    },
    { name: 'events', value: 'N', summary: 'Stop after so many events' },
    {
      name: 'connections',
      value: 'C',
      summary: `Use so many connections, each with one request in flight (default ${LOAD_DEFAULTS.connections})`,
    },
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
  run: async (context) => (await import('./load/play.ts')).runLoad(context),
};

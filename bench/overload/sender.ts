/**
 * The crowd as a process of its own: `node sender.js PLAN`, the plan as JSON. Prints one line, a `Report`. Before it counts anything it plays the
 * same for a second at a quarter of the rate: code that is still cold waits for itself.
 */
import { Crowd, type CrowdPlan } from './crowd.ts';

const WARM_UP_SECONDS = 1;
const WARM_UP_SHARE = 1 / 4;
const WARM_UP_CONNECTIONS_MAX = 256;

const plan: CrowdPlan = JSON.parse(process.argv[2] ?? '');
await new Crowd({
  ...plan,
  // Not one that begins as the other does, whose events are counted.
  device_prefix: `warm-${plan.device_prefix}`,
  seconds: WARM_UP_SECONDS,
  uncounted_seconds: 0,
  connections_max: Math.min(plan.connections_max, WARM_UP_CONNECTIONS_MAX),
  late_seconds_max: 0,
  requests_per_s: Math.round(plan.requests_per_s * WARM_UP_SHARE),
}).run();
const report = await new Crowd(plan).run();
process.stdout.write(`${JSON.stringify(report)}\n`, () => process.exit(0));

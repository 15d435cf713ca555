/**
 * A multiple of what reaches ClickHouse as fast as it comes. That is the load that can go on: of what comes beyond it the spool takes some, and from when
 * it is full nobody can be taken faster than delivery makes room. What is measured is the time after that.
 */
import type { Children } from '../load/child.ts';
import { measureSustainedRate } from '../load/half_load.ts';
import type { Server } from '../load/servers.ts';
import { Crowds, type Overload, type OverloadPlan } from './measure.ts';

/** So small that it is full soon, and so large that the fastest load of some seconds, which finds out what is sustained, does not fill it. */
const SPOOL_BYTES = 384 * 2 ** 20;
export const SMALL_SPOOL: Readonly<Record<string, string>> = {
  PENSTOCK_SPOOL__BYTES_MAX: String(SPOOL_BYTES),
  PENSTOCK_SPOOL__RESERVE_BYTES: String(SPOOL_BYTES / 16),
};
const CONNECTIONS = 64;
const WARM_UP_SECONDS = 3;
/** Until the spool is full, with some to spare. */
const FILL_SECONDS = 25;
/** Who was sent away is told to come back in five minutes at most. */
const LATE_SECONDS_MAX = 320;
const SEED = 1;

export async function measureSustainedOverload(children: Children, server: Server, plan: OverloadPlan): Promise<Overload> {
  const { batch_events, seconds, times } = plan;
  const crowds = new Crowds(children, server, batch_events);
  await crowds.fastest('warm', CONNECTIONS, WARM_UP_SECONDS);
  const fastest_per_s = (await crowds.fastest('fast', CONNECTIONS, WARM_UP_SECONDS)) * batch_events;
  const sustained_per_s = (await measureSustainedRate(children, { server, batch_events }, fastest_per_s, SEED)) / batch_events;
  process.stderr.write(`${batch_events} events: ${sustained_per_s.toFixed(0)} requests/s reach ClickHouse as fast as they come\n`);
  const overload = await crowds.overload(sustained_per_s, {
    requests_per_s: Math.round(sustained_per_s * times),
    seconds: FILL_SECONDS + seconds,
    uncounted_seconds: FILL_SECONDS,
    late_seconds_max: LATE_SECONDS_MAX,
  });
  if (overload.report.refused_uncounted > 0) return overload;
  return { ...overload, unfit: `not judged: the spool was not full after ${FILL_SECONDS} s (--times)` };
}

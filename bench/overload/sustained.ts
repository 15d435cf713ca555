/**
 * A multiple of what reaches ClickHouse. That is the load that can go on: of what comes beyond it the spool takes some, and from when it is full nobody can
 * be taken faster than delivery makes room. What is measured is the time after that.
 *
 * The maximum is what is acknowledged at best then, of two loads: one that is certainly too much, and one that is a little more than what was
 * acknowledged of that. So merging is part of it, as it is in a load that goes on.
 */
import type { Children } from '../load/child.ts';
import type { Server } from '../load/servers.ts';
import type { Report } from './crowd.ts';
import { Crowds, type Overload, type OverloadPlan } from './measure.ts';

/** So small that it is full soon. */
const SPOOL_BYTES = 384 * 2 ** 20;
export const SMALL_SPOOL: Readonly<Record<string, string>> = {
  PENSTOCK_SPOOL__BYTES_MAX: String(SPOOL_BYTES),
  PENSTOCK_SPOOL__RESERVE_BYTES: String(SPOOL_BYTES / 16),
};
const CONNECTIONS = 64;
const WARM_UP_SECONDS = 3;
/** As fast as it goes, until the spool is full. */
const FILL_SECONDS = 9;
/** What is delivered until the next crowd is there has come again by then. */
const UNCOUNTED_SECONDS = 10;
/** Of what is acknowledged at most: more than delivery is ever known to make room for. */
const TOO_MUCH_SHARE = 0.75;
const A_LITTLE_MORE = 1.2;
/** Who was sent away is told to come back in five minutes at most. */
const LATE_SECONDS_MAX = 320;

export async function measureSustainedOverload(children: Children, server: Server, plan: OverloadPlan): Promise<Overload> {
  const { batch_events, seconds, times } = plan;
  const crowds = new Crowds(children, server, batch_events);
  const fastest_per_s = await crowds.fastest('warm', CONNECTIONS, WARM_UP_SECONDS);
  const window = { seconds: UNCOUNTED_SECONDS + seconds, uncounted_seconds: UNCOUNTED_SECONDS };
  const sustained = async (name: string, requests_per_s: number): Promise<number> => {
    await crowds.fastest(`fill-${name}`, CONNECTIONS, FILL_SECONDS);
    const load = { device_prefix: `${crowds.run}-${name}-`, requests_per_s: Math.round(requests_per_s), ...window, late_seconds_max: 0 };
    const per_s = acknowledgedPerSecond(await crowds.loadAtOnce(load));
    process.stderr.write(
      `${batch_events} events: ${per_s.toFixed(0)} of ${load.requests_per_s} requests/s are acknowledged with the spool full\n`,
    );
    return per_s;
  };
  const of_too_much = await sustained('much', TOO_MUCH_SHARE * fastest_per_s);
  const maximum_per_s = Math.max(of_too_much, await sustained('more', A_LITTLE_MORE * of_too_much));
  await crowds.fastest('fill', CONNECTIONS, FILL_SECONDS);
  const requests_per_s = Math.round(maximum_per_s * times);
  const overload = await crowds.overload(maximum_per_s, { requests_per_s, ...window, late_seconds_max: LATE_SECONDS_MAX });
  if (overload.report.refused_uncounted > 0) return overload;
  return { ...overload, unfit: 'not judged: the spool was not full (--times)' };
}

function acknowledgedPerSecond({ acknowledged, duration_ms }: Report): number {
  return (acknowledged * 1000) / duration_ms;
}

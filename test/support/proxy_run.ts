/**
 * The daemon under load with a ClickHouse that it reaches only through a proxy that fails: at random, for every kind of request, with the daemon
 * killed in between. At the end every acknowledged event is there exactly once.
 */
import { setTimeout } from 'node:timers/promises';
import { untilDelivered } from './crash_run.ts';
import { DaemonHome, type Owner } from './daemon.ts';
import { type Audit, DeviceLoad } from './device_load.ts';
import { startEngine } from './engine.ts';
import { FaultyProxy, PROXY_FAULTS, type ProxyFault } from './faulty_proxy.ts';
import { type SeededRandom, seededRandom } from './seeded_random.ts';
import { until } from './until.ts';

export interface ProxyPlan {
  readonly seed: number;
  /** How long requests fail, or longer, until every kind of fault has happened. */
  readonly faulty_ms: number;
  /** Of the daemon, spread over that time. */
  readonly kills: number;
}

export interface ProxyReport extends Audit {
  readonly faults: ReadonlyMap<ProxyFault, number>;
}

const DEVICES = 2;
/** Of a request; every fault that is silence costs the daemon this long. */
const REQUEST_TIMEOUT_MS = 400;
const FAULTY_SHARE = 0.5;
const FAULTS_MS_MAX = 120_000;
const STILL_MS_MAX = 60_000;

/** Every fault before any comes again, in another order each time. */
function faultsInTurn(random: SeededRandom): () => ProxyFault | undefined {
  let left: ProxyFault[] = [];
  return () => {
    if (left.length === 0) left = [...PROXY_FAULTS];
    return left.splice(random.below(left.length), 1)[0];
  };
}

/** Migrations, which come before, wait for seconds after a failure, and a ping proves nothing. */
function isOfDelivery(url: string): boolean {
  return !url.startsWith('/ping') && !url.includes('query_id=migrate-');
}

export async function proxyRun(owner: Owner, plan: ProxyPlan): Promise<ProxyReport> {
  const random = seededRandom(plan.seed);
  const engine = await startEngine(owner);
  const next_fault = faultsInTurn(random);
  let is_faulty = false;
  const proxy = new FaultyProxy({
    target: engine.url,
    late_ms: 2 * REQUEST_TIMEOUT_MS,
    fault: (url) => (is_faulty && isOfDelivery(url) && random.fraction() < FAULTY_SHARE ? next_fault() : undefined),
  });
  const port = await proxy.listen();
  owner.after(() => proxy.close());
  const home = await DaemonHome.create(owner, {
    PENSTOCK_CLICKHOUSE__URL: `http://default@127.0.0.1:${port}`,
    PENSTOCK_DELIVERY__REQUEST_TIMEOUT_MS: String(REQUEST_TIMEOUT_MS),
    PENSTOCK_DELIVERY__RETRY_DELAY_MS_MIN: '20',
    PENSTOCK_DELIVERY__RETRY_DELAY_MS_MAX: '200',
    PENSTOCK_SPOOL__SEAL_AGE_MS_MAX: '100',
    PENSTOCK_SPOOL__SEAL_ROWS_MAX: '500',
  });
  const key = await home.createKey('deploy');
  let daemon = await home.start();
  const load = new DeviceLoad(
    { post: (path, body, headers) => daemon.post(path, body, headers), query: (sql) => engine.query(sql) },
    key,
    DEVICES,
  );
  owner.after(() => load.stop());
  load.start();
  is_faulty = true;
  for (let kill = 0; kill < plan.kills; kill++) {
    await setTimeout(plan.faulty_ms / (plan.kills + 1));
    await daemon.stop('SIGKILL');
    daemon = await home.start();
  }
  await setTimeout(plan.faulty_ms / (plan.kills + 1));
  await until('every kind of fault has happened', FAULTS_MS_MAX, () => proxy.happened.size === PROXY_FAULTS.length);
  await load.stop();
  is_faulty = false;
  await untilDelivered(daemon, STILL_MS_MAX);
  await proxy.settle();
  const audit = await load.audit();
  await daemon.stop();
  return { ...audit, faults: proxy.happened };
}

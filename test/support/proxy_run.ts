/**
 * The daemon under load with a ClickHouse that it reaches only through a proxy that fails: at random, for every kind of request, with the daemon
 * killed in between. At the end every acknowledged event is there exactly once.
 */
import { setTimeout } from 'node:timers/promises';
import { untilDelivered } from './crash_run.ts';
import { DaemonHome, type Owner, type RunningDaemon } from './daemon.ts';
import { type Audit, DeviceLoad } from './device_load.ts';
import { startPreparedEngine } from './engine.ts';
import { FaultyProxy, PROXY_FAULTS, type ProxyFault } from './faulty_proxy.ts';
import { type SeededRandom, seededRandom } from './seeded_random.ts';
import { until } from './until.ts';

export interface ProxyPlan {
  readonly seed: number;
  /** How long requests fail, or longer, until every kind of fault has happened to an INSERT. */
  readonly faulty_ms: number;
  /** Of the daemon, spread over that time. */
  readonly kills: number;
  /** Of a device between batches; absent: none. */
  readonly pause_ms?: number;
}

export interface ProxyReport extends Audit {
  /** Those that happened to INSERTs. */
  readonly faults: ReadonlyMap<ProxyFault, number>;
}

const DEVICES = 2;
/** Of a request; every fault that is silence costs the daemon this long. */
const REQUEST_TIMEOUT_MS = 400;
const FAULTY_SHARE = 0.5;
const CONNECTED_MS_MAX = 120_000;
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

/** Half of delivery's requests fail: its INSERTs in every way, in turn, and so what it asks of ClickHouse when one is in doubt. */
class Faults {
  readonly of_inserts = new Map<ProxyFault, number>();
  is_on = false;
  private readonly next_of_insert: () => ProxyFault | undefined;
  private readonly next_of_question: () => ProxyFault | undefined;

  constructor(private readonly random: SeededRandom) {
    this.next_of_insert = faultsInTurn(random);
    this.next_of_question = faultsInTurn(random);
  }

  of(url: string): ProxyFault | undefined {
    const is_question = url.includes('query_id=ask-');
    const is_insert = /[?&]query=INSERT/.test(url);
    // Migrations and retention, which come before, wait for seconds after a failure, and a ping proves nothing.
    if (!this.is_on || !(is_question || is_insert) || this.random.fraction() >= FAULTY_SHARE) return undefined;
    if (is_question) return this.next_of_question();
    const fault = this.next_of_insert();
    if (fault !== undefined) this.of_inserts.set(fault, (this.of_inserts.get(fault) ?? 0) + 1);
    return fault;
  }
}

/** On a busy machine the requests of a start take longer than they may and are tried again, while a load would pile up and no fault happen. */
async function untilConnected(daemon: RunningDaemon): Promise<void> {
  await until('ClickHouse has the tables', CONNECTED_MS_MAX, async () => {
    const { clickhouse }: { clickhouse: { state: string } } = JSON.parse(await (await fetch(daemon.url('/readyz'))).text());
    return clickhouse.state === 'up';
  });
}

export async function proxyRun(owner: Owner, plan: ProxyPlan): Promise<ProxyReport> {
  const random = seededRandom(plan.seed);
  const engine = await startPreparedEngine(owner);
  const faults = new Faults(random);
  const proxy = new FaultyProxy({
    target: engine.url,
    late_ms: 2 * REQUEST_TIMEOUT_MS,
    fault: (url) => faults.of(url),
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
  await untilConnected(daemon);
  const load = new DeviceLoad({ post: (path, body, headers) => daemon.post(path, body, headers), query: (sql) => engine.query(sql) }, key, {
    devices: DEVICES,
    pause_ms: plan.pause_ms ?? 0,
  });
  owner.after(() => load.stop());
  load.start();
  faults.is_on = true;
  for (let kill = 0; kill < plan.kills; kill++) {
    await setTimeout(plan.faulty_ms / (plan.kills + 1));
    await daemon.stop('SIGKILL');
    daemon = await home.start();
  }
  await setTimeout(plan.faulty_ms / (plan.kills + 1));
  await until('every kind of fault has happened', FAULTS_MS_MAX, () => faults.of_inserts.size === PROXY_FAULTS.length);
  await load.stop();
  faults.is_on = false;
  await untilDelivered(daemon, STILL_MS_MAX);
  await proxy.settle();
  const audit = await load.audit();
  await daemon.stop();
  return { ...audit, faults: faults.of_inserts };
}

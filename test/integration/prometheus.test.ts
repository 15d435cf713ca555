/** What Prometheus makes of a real daemon: its metrics, the rules, the dashboard's expressions, and what a scrape costs. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { send } from '../support/books.ts';
import { DaemonHome, type RunningDaemon } from '../support/daemon.ts';
import { NEEDS_PROMETHEUS, PrometheusServer, promtool, RULE_TESTS, RULES } from '../support/prometheus.ts';
import { until } from '../support/until.ts';
import { dashboardExpressions, metricsIn, metricsOf, readDashboard, readRules } from '../support/watching.ts';

const SCRAPED_MS_MAX = 20_000;
const SCRAPES = 20;
const SCRAPE_MS_MAX = 10;
const SERIES_MAX = 500;

async function scrape(daemon: RunningDaemon): Promise<string> {
  return await (await fetch(daemon.adminUrl('/metrics'))).text();
}

function seriesOf(text: string): readonly string[] {
  return text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
}

test('a scrape takes 10 ms at most, and has as many series with many tenants and releases as with one', async (context) => {
  const home = await DaemonHome.create(context);
  const keys: string[] = [];
  for (const number of [0, 1, 2, 3])
    keys.push(await home.createKey('deploy', { organization_id: `org_${number}`, project_id: `proj_${number}` }));
  const daemon = await home.start();
  await send(daemon, keys[0] ?? '', ['device'], 1);
  await until('it is delivered', SCRAPED_MS_MAX, async () => (await daemon.count('deploy_events')) === 1);
  const names = (text: string): string[] => seriesOf(text).map((line) => line.slice(0, line.lastIndexOf(' ')));
  const before = names(await scrape(daemon));
  for (const key of keys) {
    const events = Array.from({ length: 500 }, (_, number) => ({
      event_type: number % 2 === 0 ? 'rollback' : 'apply_success',
      release_id: `release_${number}`,
      distinct_id: `device_${number}`,
    }));
    assert.equal((await daemon.post('/api/deploy/report', JSON.stringify({ events }), { 'x-api-key': key })).status, 202);
  }
  // A table's present state is a label: it is another one while a segment is under way. The kinds of garbage collection come one by one.
  await until('they are delivered', SCRAPED_MS_MAX, async () => /^penstock_delivery_lag_seconds 0$/m.test(await scrape(daemon)));
  const lasting = (lines: readonly string[]): string[] =>
    lines.filter((line) => !/^penstock_(delivery_state|nodejs_gc_duration_seconds)/.test(line));
  const after = names(await scrape(daemon));
  assert.deepEqual(lasting(after), lasting(before));
  assert.ok(after.length <= SERIES_MAX, `${after.length} series`);
  // Of many, the quickest: how long it takes, and not what else this machine does meanwhile.
  let quickest_ms = Number.POSITIVE_INFINITY;
  for (let number = 0; number < SCRAPES; number++) {
    const started_ms = performance.now();
    await scrape(daemon);
    quickest_ms = Math.min(quickest_ms, performance.now() - started_ms);
  }
  context.diagnostic(`${after.length} series, quickest scrape ${quickest_ms.toFixed(1)} ms`);
  assert.ok(quickest_ms <= SCRAPE_MS_MAX, `${quickest_ms} ms`);
  const present = metricsIn(await scrape(daemon));
  const named = [...readRules().map(({ expr }) => expr), JSON.stringify(readDashboard())].flatMap(metricsOf);
  assert.ok(named.length > 50);
  assert.deepEqual(
    [...new Set(named)].filter((name) => !present.has(name)),
    [],
    'rules and dashboard name only metrics that there are',
  );
});

test('promtool has nothing to say against the rules, and their tests pass', { skip: NEEDS_PROMETHEUS }, async () => {
  const check = await promtool(['check', 'rules', RULES]);
  assert.equal(check.code, 0, check.output);
  const tests = await promtool(['test', 'rules', RULE_TESTS]);
  assert.equal(tests.code, 0, tests.output);
});

test('a real Prometheus scrapes a real daemon, evaluates every rule and answers', { skip: NEEDS_PROMETHEUS }, async (context) => {
  const home = await DaemonHome.create(context);
  const key = await home.createKey('deploy');
  const daemon = await home.start();
  await send(daemon, key, ['a', 'b', 'c'], 2);
  const check = await promtool(['check', 'metrics'], await scrape(daemon));
  assert.deepEqual([check.code, check.output], [0, '']);

  const prometheus = await PrometheusServer.create(context, `127.0.0.1:${home.admin_port}`);
  const value = async (expression: string): Promise<number> => Number((await prometheus.query(expression))[0]?.value[1]);
  await until('it has scraped', SCRAPED_MS_MAX, async () => (await value('penstock_events_accepted_total{source="deploy_report"}')) === 3);
  assert.equal(await value('up{job="penstock"}'), 1);
  assert.equal(await value('penstock_ready'), 1);
  assert.equal(await value('sum(penstock_events_rejected_total)'), 2);
  const rejected = await prometheus.query('penstock_ledger_received_events - penstock_ledger_accepted_events > 0');
  assert.deepEqual(
    rejected.map(({ metric, value: [, count] }) => [metric['source'], count]),
    [['deploy_report', '2']],
  );

  for (const expression of dashboardExpressions()) await prometheus.query(expression);
  interface RuleState {
    readonly name: string;
    readonly health: string;
    readonly lastError?: string;
  }
  const rules = async (): Promise<RuleState[]> =>
    (await prometheus.ask<{ groups: { rules: RuleState[] }[] }>('/api/v1/rules')).groups.flatMap((group) => group.rules);
  await until('every rule was evaluated', SCRAPED_MS_MAX, async () => (await rules()).every(({ health }) => health !== 'unknown'));
  const states = await rules();
  assert.equal(states.length, readRules().length);
  assert.deepEqual(
    states.filter(({ health }) => health !== 'ok'),
    [],
  );
  const firing = await prometheus.query('ALERTS{alertstate="firing"}');
  assert.deepEqual(
    firing.map(({ metric }) => metric['alertname']),
    [],
    'nothing is wrong with a daemon that has just begun',
  );
  await daemon.stop('SIGKILL');
  await until('it sees that the daemon is down', SCRAPED_MS_MAX, async () => {
    const pending = await prometheus.query('ALERTS{alertname="PenstockDown"}');
    return pending.length === 1;
  });
});

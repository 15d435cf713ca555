/** The daemon's part of the page: figures, charts and tables that move with each second. */
import { Chart } from './charts.js';
import { byId, element, empty, setText, show, table } from './dom.js';
import { ago, bytes, clock, count, milliseconds, NOTHING, percent, seconds, short } from './format.js';

const SAMPLES_MAX = 600;

const TILES = [
  ['events', 'Events in'],
  ['delivered', 'Delivered'],
  ['rejected', 'Rejected'],
  ['latency', 'Latency, p99'],
  ['lag', 'Delivery lag'],
  ['spool', 'Spool'],
];

const per_second = (value) => `${short(value)}/s`;

/** So that marks stand at whole sizes. */
const POWERS_OF_TWO = Array.from({ length: 50 }, (_none, power) => 2 ** power);

const CHARTS = [
  {
    title: 'Throughput',
    series: [
      { label: 'In', field: 'accepted_per_s' },
      { label: 'Delivered', field: 'delivered_per_s' },
      { label: 'Rejected', field: 'rejected_per_s' },
    ],
    format: per_second,
  },
  {
    title: 'Time to acknowledge',
    series: [
      { label: 'p50', field: 'latency_p50_ms' },
      { label: 'p99', field: 'latency_p99_ms' },
    ],
    format: milliseconds,
  },
  { title: 'Delivery lag', series: [{ label: 'Oldest event not in ClickHouse', field: 'lag_s' }], format: seconds },
  { title: 'Spool', series: [{ label: 'On disk', field: 'spool_bytes' }], format: bytes, incrs: POWERS_OF_TWO },
];

export class Live {
  constructor() {
    this.samples = [];
    this.state = undefined;
    this.tiles = new Map(TILES.map(([name, title]) => [name, createTile(title)]));
    this.charts = CHARTS.map((options) => new Chart(byId('live-charts'), options));
  }

  begin({ samples, state }) {
    this.samples = [...samples];
    this.state = state ?? undefined;
    this.draw();
  }

  add({ sample, state }) {
    this.samples.push(sample);
    if (this.samples.length > SAMPLES_MAX) this.samples.shift();
    this.state = state;
    this.draw();
  }

  draw() {
    if (this.state === undefined) return;
    this.drawTiles();
    if (!document.hidden) this.drawCharts();
    show(byId('ledger'), ledgerTable(this.state.ledger));
    show(byId('rejections'), rejectionTable(this.state));
    show(byId('machine'), machineTable(this.state));
  }

  drawCharts() {
    const times_s = this.samples.map(({ time_ms }) => time_ms / 1000);
    for (const [position, { series }] of CHARTS.entries()) {
      this.charts[position].draw([times_s, ...series.map(({ field }) => this.samples.map((sample) => sample[field]))]);
    }
  }

  drawTiles() {
    const { state } = this;
    const latest = this.samples.at(-1);
    const minute = this.samples.slice(-60);
    const mean = (field) => minute.reduce((sum, sample) => sum + sample[field], 0) / Math.max(1, minute.length);
    const rejected = Object.values(state.rejected).reduce((sum, one) => sum + one, 0);
    const p99 = minute.findLast((sample) => sample.latency_p99_ms !== null)?.latency_p99_ms ?? null;
    const p50 = minute.findLast((sample) => sample.latency_p50_ms !== null)?.latency_p50_ms ?? null;
    const { spool, delivery } = state.health;
    this.tile('events', short(latest?.accepted_per_s ?? 0), '/s', `1 min: ${short(mean('accepted_per_s'))}/s`);
    this.tile('delivered', short(latest?.delivered_per_s ?? 0), '/s', `1 min: ${short(mean('delivered_per_s'))}/s`);
    const received = rejected + state.accepted;
    this.tile('rejected', received === 0 ? NOTHING : percent(rejected / received), '', `${count(rejected)} since the start`);
    this.tile('latency', ...milliseconds(p99).split(' '), `p50 ${milliseconds(p50)}`);
    this.tile(
      'lag',
      ...seconds(delivery.lag_seconds).split(' '),
      delivery.backlog_segments === 1 ? '1 segment to go' : `${count(delivery.backlog_segments)} segments to go`,
    );
    this.tile('spool', ...bytes(spool.bytes).split(' '), `${percent(spool.bytes / spool.bytes_max)} of ${bytes(spool.bytes_max)}`);
  }

  tile(name, value, unit = '', detail = '') {
    const targets = this.tiles.get(name);
    setText(targets.value, value);
    setText(targets.unit, unit === '' ? '' : ` ${unit}`);
    setText(targets.detail, detail);
  }
}

function createTile(title) {
  const value = element('span', { class: 'value' });
  const unit = element('span', { class: 'unit' });
  const detail = element('span', { class: 'detail' });
  value.append(NOTHING);
  byId('tiles').append(element('div', { class: 'tile' }, element('dt', {}, title), element('dd', {}, value, unit, detail)));
  return { value, unit, detail };
}

function level(name, text) {
  return element('span', { class: `level-${name}` }, text);
}

function ledgerTable(ledger) {
  if (ledger === null) return empty('Segments of an earlier run are still being counted.');
  const rejected = Object.values(ledger.rejected).reduce((sum, one) => sum + one, 0);
  const rows = [
    ['Received', count(ledger.received)],
    ['Rejected', count(rejected)],
    ['Delivered', count(ledger.delivered)],
    ['On the way', count(ledger.spooled)],
    ['Dead-lettered', count(ledger.dead_lettered)],
    ['Balance', ledger.balanced ? level('good', 'exact') : level('bad', 'broken')],
  ];
  return table('Ledger', [{ title: 'Events since the first start' }, { title: 'Count', number: true }], rows);
}

function rejectionTable({ rejected, accepted }) {
  const reasons = Object.entries(rejected).filter(([, events]) => events > 0);
  if (reasons.length === 0) return empty(accepted === 0 ? 'No event since the start.' : 'None since the start.');
  const total = accepted + reasons.reduce((sum, [, events]) => sum + events, 0);
  const rows = reasons
    .sort(([, left], [, right]) => right - left)
    .map(([reason, events]) => [reason, count(events), percent(events / total)]);
  return table('Rejected events', [{ title: 'Reason' }, { title: 'Events', number: true }, { title: 'Of all', number: true }], rows);
}

function machineTable({ health, workers, requests_in_flight, lanes, dead_letters }) {
  const { clickhouse, spool } = health;
  const letters = Object.values(dead_letters).reduce((sum, one) => sum + one, 0);
  const ground = clickhouse.embedded ? ', embedded' : '';
  const is_low = spool.disk_free_bytes !== null && spool.disk_free_bytes < 2 * spool.disk_free_bytes_min;
  const rows = [
    ['ClickHouse', clickhouse.state === 'up' ? level('good', `up${ground}`) : level('bad', `${clickhouse.state}${ground}`)],
    ['Disk free', is_low ? level('watch', bytes(spool.disk_free_bytes)) : bytes(spool.disk_free_bytes)],
    ['Workers', `${count(workers.running)} of ${count(workers.threads)} busy`],
    ['Waiting for a worker', count(workers.queued)],
    ['Workers lost', workers.deaths === 0 ? '0' : level('watch', count(workers.deaths))],
    ['Requests in flight', count(requests_in_flight)],
    ['Dead letters', letters === 0 ? '0' : level('watch', count(letters))],
    ...lanes.map(({ table: name, state }) => [
      `Delivery of ${name}`,
      ['paused', 'stopped', 'retrying'].includes(state) ? level('watch', state) : state,
    ]),
  ];
  return table('Disk, workers, delivery', [{ title: 'What' }, { title: 'Now', number: true }], rows);
}

export function showProblems(problems) {
  if (problems.length === 0) return show(byId('problems'), empty('None since the start.'));
  const rows = problems.map(({ level: severity, event, text, last_ms, times }) => [
    element('span', {}, clock(last_ms), element('span', { class: 'sub' }, ago(new Date(last_ms).toISOString()))),
    level(severity === 'error' ? 'bad' : 'watch', severity),
    element('span', {}, event, element('span', { class: 'sub' }, text)),
    count(times),
  ]);
  show(
    byId('problems'),
    table('Last warnings and errors', [{ title: 'Last' }, { title: 'Level' }, { title: 'What' }, { title: 'Times', number: true }], rows),
  );
}

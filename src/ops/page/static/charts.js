/**
 * Line charts over time: uPlot for the eye, and the same figures as a table for whoever wants or needs one. Colours are the style sheet's, looked
 * up again when the scheme changes.
 */
import { element, setText, table } from './dom.js';
import { clock, NOTHING } from './format.js';
import Plot from './uplot.js';

const HEIGHT = 170;
const TABLE_ROWS_MAX = 12;
const FONT = '12px system-ui, sans-serif';
const scheme = matchMedia('(prefers-color-scheme: dark)');

export class Chart {
  /**
   * @param options `title`, `heading` (h3, h4), `series`: `{ label }` each, `format(value)`, `axis(value)`, `incrs` (steps of the axis), `time(seconds)`, `wide`
   */
  constructor(container, options) {
    this.options = { heading: 'h3', axis: options.format, time: (time_s) => clock(1000 * time_s), ...options };
    this.data = [[]];
    this.box = element('div', { class: 'plot' });
    this.legend = element('ul', { class: 'legend' });
    this.details = element('details', {}, element('summary', {}, 'As a table'), element('div'));
    const caption = element('figcaption', {}, element(this.options.heading, {}, options.title), this.legend);
    container.append(element('figure', { class: `panel chart${options.wide ? ' wide' : ''}` }, caption, this.box, this.details));
    this.details.addEventListener('toggle', () => this.writeTable());
    scheme.addEventListener('change', () => this.plot?.redraw());
    new ResizeObserver(() => this.resize()).observe(this.box);
  }

  /** @param data seconds since the epoch, then the values of each series; null where there is none */
  draw(data, series = this.options.series) {
    const is_other =
      this.series === undefined || series.map(({ label }) => label).join('\n') !== this.series.map(({ label }) => label).join('\n');
    this.data = data;
    this.series = series;
    if (is_other) this.build();
    else this.plot.setData(data);
    this.describe();
    if (this.details.open) this.writeTable();
  }

  build() {
    this.plot?.destroy();
    const { axis, incrs } = this.options;
    const quiet = () => colour('--quiet');
    const grid = { stroke: () => colour('--line'), width: 1 };
    this.plot = new Plot(
      {
        width: this.width(),
        height: HEIGHT,
        legend: { show: false },
        cursor: { show: false },
        scales: { y: { range: (_plot, _min, max) => [0, max > 0 ? 1.08 * max : 1] } },
        series: [
          {},
          ...this.series.map((_one, position) => ({
            stroke: () => colour(`--series-${position + 1}`),
            width: 1.75,
            points: { show: true, filter: isolated, size: 5, fill: () => colour(`--series-${position + 1}`) },
            spanGaps: false,
          })),
        ],
        axes: [
          { stroke: quiet, grid: { show: false }, ticks: { show: false }, font: FONT, space: 80, size: 26, values: timeLabels },
          {
            stroke: quiet,
            grid,
            ticks: { show: false },
            font: FONT,
            size: 62,
            space: 34,
            values: (_plot, values) => values.map(axis),
            ...(incrs && { incrs }),
          },
        ],
      },
      this.data,
      this.box,
    );
    this.legend.replaceChildren(
      ...this.series.map(({ label }, position) => element('li', { 'data-series': position + 1 }, `${label} `, element('b'))),
    );
  }

  width() {
    return Math.max(200, this.box.clientWidth);
  }

  resize() {
    if (this.plot !== undefined && this.plot.width !== this.width()) this.plot.setSize({ width: this.width(), height: HEIGHT });
  }

  /** The latest values beside their names, and for those who do not see the lines. */
  describe() {
    const latest = this.series.map((_one, position) => this.show(this.data[position + 1].at(-1)));
    [...this.legend.querySelectorAll('b')].forEach((target, position) => void setText(target, latest[position]));
    const words = this.series.map(({ label }, position) => `${label} ${latest[position]}`).join(', ');
    this.box.setAttribute('role', 'img');
    this.box.setAttribute('aria-label', `${this.options.title}, chart. Latest: ${words}. The figures follow as a table.`);
  }

  writeTable() {
    const [times] = this.data;
    const step = Math.max(1, Math.ceil(times.length / TABLE_ROWS_MAX));
    const rows = times
      .map((time_s, position) => [this.options.time(time_s), ...this.series.map((_one, at) => this.show(this.data[at + 1][position]))])
      .filter((_row, position) => (times.length - 1 - position) % step === 0)
      .reverse();
    const columns = [{ title: 'Time' }, ...this.series.map(({ label }) => ({ title: label, number: true }))];
    this.details.lastElementChild.replaceChildren(table(this.options.title, columns, rows));
  }

  show(value) {
    return value === null || value === undefined ? NOTHING : this.options.format(value);
  }
}

/** Positions of values without a neighbour: a line has no length there, so that they need a point to be seen. */
function isolated({ data }, series, is_shown) {
  if (!is_shown) return [];
  const values = data[series];
  const has = (position) => values[position] !== null && values[position] !== undefined;
  return [...values.keys()].filter((position) => has(position) && !has(position - 1) && !has(position + 1));
}

/** The clock as far as it tells the marks apart, or the day. */
function timeLabels(_plot, times_s, _axis, _space, step_s) {
  const [first, end] = step_s >= 86_400 ? [5, 10] : step_s >= 60 ? [11, 16] : [11, 19];
  return times_s.map((time_s) => localTime(time_s).slice(first, end));
}

/** Like ISO 8601, of the place where the page is read. */
export function localTime(time_s) {
  const offset_s = 60 * new Date(1000 * time_s).getTimezoneOffset();
  return new Date(1000 * (time_s - offset_s)).toISOString();
}

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

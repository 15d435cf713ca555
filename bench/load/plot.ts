/** A bar chart as SVG: what each server took per event, one group of bars for each size of batch. Needs nothing but the page it is in. */
import { escapeHtml } from './table.ts';
import type { Summary } from './targets.ts';

const WIDTH = 720;
const BAR_HEIGHT = 18;
const BAR_GAP = 4;
const GROUP_GAP = 22;
const LABEL_WIDTH = 170;
const FIGURE_WIDTH = 90;
const COLORS = ['#94a3b8', '#2563eb', '#60a5fa', '#d97706'];

/** @param titles how servers are called */
export function cpuChart(summaries: readonly Summary[], titles: Readonly<Record<string, string>>): string {
  const batches = [...new Set(summaries.map(({ batch_events }) => batch_events))];
  const servers = [...new Set(summaries.map(({ server }) => server))];
  const parts: string[] = [];
  let top = 0;
  for (const batch_events of batches) {
    const group = summaries.filter((summary) => summary.batch_events === batch_events);
    const longest = Math.max(...group.map(({ cpu_us_per_event }) => cpu_us_per_event));
    top += GROUP_GAP;
    parts.push(`<text x="0" y="${top - 6}" font-weight="600">${batch_events} events per request</text>`);
    for (const summary of group) {
      parts.push(
        bar(summary, { top, longest, title: titles[summary.server] ?? summary.server, color: COLORS[servers.indexOf(summary.server)] }),
      );
      top += BAR_HEIGHT + BAR_GAP;
    }
  }
  const label = 'Processor time per event in microseconds, by server and size of batch; the figures stand in the table below.';
  return `<svg viewBox="0 0 ${WIDTH} ${top}" width="${WIDTH}" font-size="13" role="img" aria-label="${escapeHtml(label)}">${parts.join('')}</svg>`;
}

function bar(
  { cpu_us_per_event }: Summary,
  place: { readonly top: number; readonly longest: number; readonly title: string; readonly color: string | undefined },
): string {
  const { top, longest, title, color } = place;
  const width = Math.max(1, ((WIDTH - LABEL_WIDTH - FIGURE_WIDTH) * cpu_us_per_event) / longest);
  const text_y = top + BAR_HEIGHT - 5;
  return [
    `<text x="${LABEL_WIDTH - 8}" y="${text_y}" text-anchor="end">${escapeHtml(title)}</text>`,
    `<rect x="${LABEL_WIDTH}" y="${top}" width="${width.toFixed(1)}" height="${BAR_HEIGHT}" fill="${color ?? '#64748b'}"/>`,
    `<text x="${(LABEL_WIDTH + width + 6).toFixed(1)}" y="${text_y}">${cpu_us_per_event.toFixed(2)} µs</text>`,
  ].join('');
}

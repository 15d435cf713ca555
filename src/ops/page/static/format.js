/** Numbers, sizes and times as people read them. */

const WHOLE = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const SHORT = new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 });
const CLOCK = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

export const NOTHING = '–';

export function count(value) {
  return WHOLE.format(value);
}

/** 12.3K: where there is little room. */
export function short(value) {
  return value < 1000 ? String(Number(value.toPrecision(3))) : SHORT.format(value);
}

export function bytes(value) {
  if (value === null || value === undefined) return NOTHING;
  const power = value < 1 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log2(value) / 10));
  const scaled = value / 1024 ** power;
  return `${scaled.toFixed(power === 0 || scaled >= 100 ? 0 : 1)} ${UNITS[power]}`;
}

export function milliseconds(value) {
  if (value === null || value === undefined) return NOTHING;
  if (value >= 1000) return `${(value / 1000).toFixed(value >= 10_000 ? 0 : 1)} s`;
  return `${value.toFixed(value >= 10 || value === 0 ? 0 : 1)} ms`;
}

export function seconds(value) {
  if (value < 120) return `${value.toFixed(value < 10 ? 1 : 0)} s`;
  return value < 7200 ? `${Math.round(value / 60)} min` : `${(value / 3600).toFixed(1)} h`;
}

/** A share; null is none. */
export function percent(share) {
  if (share === null || share === undefined) return NOTHING;
  const value = 100 * share;
  if (value > 0 && value < 0.01) return '< 0.01 %';
  return `${value.toFixed(value < 1 ? 2 : 1)} %`;
}

export function clock(time_ms) {
  return CLOCK.format(time_ms);
}

/** A moment, as far from now as it is. */
export function ago(iso, now_ms = Date.now()) {
  if (iso === null || iso === undefined) return NOTHING;
  const passed_s = Math.max(0, (now_ms - Date.parse(iso)) / 1000);
  if (passed_s < 60) return 'just now';
  if (passed_s < 3600) return `${Math.floor(passed_s / 60)} min ago`;
  if (passed_s < 86_400) return `${Math.floor(passed_s / 3600)} h ago`;
  return iso.slice(0, 10);
}

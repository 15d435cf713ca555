/** Whether all is well, from what the daemon and the releases say: the sentence at the top of the page, and why. */
import { bytes, count, percent, seconds } from './format.js';

const LAG_S_MAX = 60;
const SPOOL_SHARE_WATCH = 0.5;
const SPOOL_SHARE_BAD = 0.9;
const REJECTED_SHARE_MAX = 0.05;
const REJECTED_MIN = 20;
/** Fewer devices say nothing about a release. */
export const DEVICES_MIN = 50;
const ACTIVE_MS_MAX = 86_400_000;

/** From when on a rate of a release is worth a look, and from when on it is bad. */
export const RATE_LIMITS = { crash_rate: { watch: 0.02, bad: 0.05 }, rollback_rate: { watch: 0.05, bad: 0.15 } };

/** @returns 'good', 'watch' or 'bad'; undefined when too little is known */
export function rateLevel(name, { [name]: rate, unique_devices }) {
  if (rate === null || unique_devices < DEVICES_MIN) return undefined;
  const { watch, bad } = RATE_LIMITS[name];
  if (rate >= bad) return 'bad';
  return rate >= watch ? 'watch' : 'good';
}

/**
 * @param state undefined before the daemon has said anything
 * @param samples of the last minutes
 * @param releases undefined before ClickHouse has said anything
 */
export function judge(state, samples, releases, now_ms = Date.now()) {
  if (state === undefined || state === null) return { level: 'unknown', title: 'Looking…', reasons: [] };
  const reasons = [...daemonReasons(state, samples), ...(releases ?? []).flatMap((release) => releaseReasons(release, now_ms))];
  reasons.sort((left, right) => Number(right.level === 'bad') - Number(left.level === 'bad'));
  if (reasons[0]?.level === 'bad') return { level: 'bad', title: 'Something is wrong', reasons };
  if (reasons.length > 0) return { level: 'watch', title: 'Worth a look', reasons };
  const what = releases === undefined ? 'The daemon is well' : 'All is well';
  return { level: 'good', title: what, reasons: [{ level: 'good', text: wellText(state, releases) }] };
}

function wellText(state, releases) {
  const shown = releases === undefined || releases.length === 0 ? '' : ` None of the ${releases.length} latest releases stands out.`;
  const unused = state.ledger !== null && state.ledger.received === 0 ? ' No event has come yet.' : '';
  return `Events are taken and delivered, and the books balance.${unused}${shown}`;
}

function daemonReasons({ health, ledger, dead_letters }, samples) {
  const { clickhouse, spool, registry, delivery, refused } = health;
  const letters = Object.values(dead_letters).reduce((sum, letters_of_one) => sum + letters_of_one, 0);
  const spool_share = spool.bytes / spool.bytes_max;
  const is_starting = clickhouse.state === 'starting';
  return [
    ...health.reasons.map((text) => bad(`Events are refused. ${text}`)),
    ledger !== null && !ledger.balanced && bad('The books do not balance: events may be lost or counted twice. Run penstock verify.'),
    clickhouse.state === 'down' && bad(`ClickHouse does not answer; events wait in the spool. ${clickhouse.last_error ?? ''}`),
    is_starting && watch('ClickHouse has not answered yet; events wait in the spool.'),
    clickhouse.problem !== null && bad(clickhouse.problem),
    delivery.problem !== null && watch(`Delivery: ${delivery.problem}`),
    delivery.lag_seconds > LAG_S_MAX && watch(`Delivery is ${seconds(delivery.lag_seconds)} behind.`),
    spool_share >= SPOOL_SHARE_WATCH &&
      (spool_share >= SPOOL_SHARE_BAD ? bad : watch)(`The spool is ${percent(spool_share)} full: ${bytes(spool.bytes)}.`),
    registry.problem !== null && watch(`The registry: ${registry.problem}`),
    letters > 0 && watch(`${count(letters)} dead letters wait for a person.`),
    refused.parked_segments > 0 && watch(`${count(refused.parked_segments)} segments are parked: ${refused.parked_reason ?? ''}`),
    ...rejectedReasons(samples.slice(-60)),
  ].filter(Boolean);
}

function rejectedReasons(samples) {
  const rejected = samples.reduce((sum, sample) => sum + sample.rejected_per_s, 0);
  const received = samples.reduce((sum, sample) => sum + sample.accepted_per_s, rejected);
  if (rejected < REJECTED_MIN || rejected / received < REJECTED_SHARE_MAX) return [];
  return [watch(`${percent(rejected / received)} of the last minute's events were rejected.`)];
}

function releaseReasons(release, now_ms) {
  const { release_id, bundle_label, last_seen, stats } = release;
  if (now_ms - Date.parse(last_seen) > ACTIVE_MS_MAX) return [];
  const name = bundle_label === null ? release_id : `${bundle_label} (${release_id})`;
  const levels = [rateLevel('crash_rate', stats), rateLevel('rollback_rate', stats)];
  const level = ['bad', 'watch'].find((one) => levels.includes(one));
  if (level === undefined) return [];
  const devices = `${count(stats.unique_devices)} devices`;
  return [
    {
      level,
      text: `Release ${name} crashed on ${percent(stats.crash_rate)} and was rolled back on ${percent(stats.rollback_rate)} of ${devices}.`,
    },
  ];
}

function bad(text) {
  return { level: 'bad', text: text.trim() };
}

function watch(text) {
  return { level: 'watch', text: text.trim() };
}

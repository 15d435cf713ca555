/** What a SIGHUP changes: which settings take effect in a running daemon, and which wait for its next start. */
import { isDeepStrictEqual } from 'node:util';
import { type Config, SETTINGS } from './schema.ts';

/** Settings that change live; `config/default.yaml` marks them "(live)". API keys are re-read by themselves. */
export const LIVE_SETTINGS: ReadonlySet<string> = new Set([
  'log.level',
  'http.body_bytes_max',
  'http.event_bytes_max',
  'http.bytes_in_flight_max',
  'http.connections_per_address_max',
  'http.trusted_proxies',
  'http.cors_origins',
  'limits.events_per_second',
  'limits.bytes_per_second',
  'limits.burst_seconds',
  'limits.events_per_day',
  'limits.priority_event_types',
  'spool.bytes_max',
  'spool.reserve_bytes',
  'spool.free_bytes_min',
  'spool.priority_watermark',
]);

export interface Reload {
  /** The configuration now in force: the previous one with the live changes. The same object when nothing changed live. */
  readonly config: Config;
  /** Paths that changed and take effect now. */
  readonly live: readonly string[];
  /** Paths that changed and need a restart. */
  readonly restart: readonly string[];
}

/** Compares what runs with what was read; the next configuration has been checked as a whole. */
export function reloadable(previous: Config, next: Config): Reload {
  const changed = [...SETTINGS.keys()].filter((path) => !isDeepStrictEqual(valueAt(previous, path), valueAt(next, path)));
  const live = changed.filter((path) => LIVE_SETTINGS.has(path));
  return {
    config: live.length === 0 ? previous : withLive(previous, next),
    live,
    restart: changed.filter((path) => !LIVE_SETTINGS.has(path)),
  };
}

/** The assignments of LIVE_SETTINGS; a test holds that the two agree. */
function withLive(previous: Config, next: Config): Config {
  const { body_bytes_max, event_bytes_max, bytes_in_flight_max, connections_per_address_max, trusted_proxies, cors_origins } = next.http;
  const { bytes_max, reserve_bytes, free_bytes_min, priority_watermark } = next.spool;
  return Object.freeze({
    ...previous,
    log: next.log,
    limits: next.limits,
    http: Object.freeze({
      ...previous.http,
      body_bytes_max,
      event_bytes_max,
      bytes_in_flight_max,
      connections_per_address_max,
      trusted_proxies,
      cors_origins,
    }),
    spool: Object.freeze({ ...previous.spool, bytes_max, reserve_bytes, free_bytes_min, priority_watermark }),
  });
}

function valueAt(config: Config, path: string): unknown {
  return path.split('.').reduce<unknown>((value, name) => Object.entries(Object(value)).find(([key]) => key === name)?.[1], config);
}

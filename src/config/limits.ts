/**
 * The limits as a whole: which of them contradict each other, and what they add up to.
 *
 * Every bound of the process is a setting, so that memory and disk at the worst are sums, and the sums stand here.
 */

import { parseNetwork } from '../base/network.ts';
import { REMEMBERED_ID_BYTES, REMEMBERED_IDS_MAX } from '../contract/remembered.ts';
import { BODY_RESERVE_FRACTION } from '../contract/reserve.ts';
import { HELD_BODY_BYTES_MAX } from '../contract/upload.ts';
import { invalid, type OriginOf } from './explain.ts';
import type { Config } from './schema.ts';
import { formatSize, showValue } from './values.ts';

/** What Node.js and Penstock take before the first request; the target that DESIGN sets, held by a test of the daemon. */
const AT_REST_BYTES = 150 * 1024 * 1024;

/**
 * JavaScript values take more than their JSON. Measured on Node 20 with bodies of 32 MiB: usual events 2 times, the worst,
 * `[{},{},…]`, 21.4 times and a heap of no more than 24. A body must not be able to end the worker that reads it.
 */
const HEAP_PER_BODY_BYTE = 24;

/** The shortest retention that keeps rows for the 90 days that `verify` may ask about them. */
const RETENTION_MONTHS_MIN = 3;

/** A rule between settings: `path` is refused with `allowed` when it does not hold. */
interface Rule {
  readonly path: string;
  readonly value: string;
  readonly holds: boolean;
  readonly allowed: string;
}

/** Throws `config_invalid` for the first contradiction. */
export function checkLimits(config: Config, origin_of: OriginOf): void {
  const broken = [...sizeRules(config), ...timeRules(config), ...storeRules(config), ...addressRules(config)].find((rule) => !rule.holds);
  if (broken !== undefined) throw invalid(broken.path, broken.value, broken.allowed, origin_of);
}

/** The longest body that is in memory as a whole; longer ones pass through in pieces. */
function heldBodyBytes({ body_bytes_max }: Config['http']): number {
  return Math.min(body_bytes_max, HELD_BODY_BYTES_MAX);
}

/** Sealing writes a segment beside the records that it is made of, so that none may take more than half of the spool. */
export function sealBytesMax({ seal_bytes_max, bytes_max }: Config['spool']): number {
  return Math.min(seal_bytes_max, Math.floor(bytes_max / 2));
}

function sizeRules({ http, spool, dispatch, workers }: Config): Rule[] {
  const held_bytes = heldBodyBytes(http);
  return [
    atMost('http.event_bytes_max', http.event_bytes_max, 'http.body_bytes_max', http.body_bytes_max),
    // A body that is held must find room among the others, and an upload, which takes less than that, too.
    atLeast('http.bytes_in_flight_max', http.bytes_in_flight_max, 'what a body can take of it', held_bytes),
    atMost('dispatch.slab_bytes_max', dispatch.slab_bytes_max, 'http.bytes_in_flight_max', http.bytes_in_flight_max),
    // A message that may be sent must find room in the window, or it could never be.
    atLeast('http.stream_window_bytes', http.stream_window_bytes, 'http.stream_message_bytes_max', http.stream_message_bytes_max),
    // The block of the largest body must find room in the queue, or it could never be written.
    atLeast('spool.queued_bytes_max', spool.queued_bytes_max, 'what the block of a body can take', held_bytes),
    atMost('dispatch.slab_bytes_max', dispatch.slab_bytes_max, 'spool.queued_bytes_max', spool.queued_bytes_max),
    atLeast(
      'workers.heap_bytes_max',
      workers.heap_bytes_max,
      `${HEAP_PER_BODY_BYTE} times what a body can take`,
      HEAP_PER_BODY_BYTE * held_bytes,
    ),
  ];
}

function timeRules({ spool, delivery }: Config): Rule[] {
  return [
    {
      path: 'delivery.retry_delay_ms_min',
      value: String(delivery.retry_delay_ms_min),
      holds: delivery.retry_delay_ms_min <= delivery.retry_delay_ms_max,
      allowed: `it must not exceed delivery.retry_delay_ms_max, which is ${delivery.retry_delay_ms_max}`,
    },
    {
      path: 'spool.group_delay_ms_max',
      value: String(spool.group_delay_ms_max),
      holds: spool.group_delay_ms_max <= spool.seal_age_ms_max,
      allowed: `it must not exceed spool.seal_age_ms_max, which is ${spool.seal_age_ms_max}`,
    },
  ];
}

function storeRules({ clickhouse, spool }: Config): Rule[] {
  const { embedded_free_bytes_min, retention_months } = clickhouse;
  const spool_floor_bytes = spool.free_bytes_min + spool.reserve_bytes;
  return [
    {
      path: 'clickhouse.embedded_free_bytes_min',
      value: formatSize(embedded_free_bytes_min),
      holds: clickhouse.url !== 'embedded' || embedded_free_bytes_min >= spool_floor_bytes,
      allowed: `it must not be less than spool.free_bytes_min and spool.reserve_bytes together, ${formatSize(spool_floor_bytes)}, or stored events take the room of those that wait`,
    },
    {
      path: 'clickhouse.retention_months',
      value: String(retention_months),
      holds: retention_months === null || retention_months === 0 || retention_months >= RETENTION_MONTHS_MIN,
      allowed: `it must be at least ${RETENTION_MONTHS_MIN}, since verify looks back 90 days; or 0 for ever, or null to leave the tables alone`,
    },
  ];
}

function addressRules({ http, admin, clickhouse, registry }: Config): Rule[] {
  return [
    {
      path: 'http.trusted_proxies',
      value: showValue('http.trusted_proxies', http.trusted_proxies),
      holds: http.trusted_proxies.every((text) => parseNetwork(text) !== undefined),
      allowed: 'allowed: a list of addresses and networks such as 10.0.0.0/8',
    },
    {
      path: 'http.tls.key_file',
      value: showValue('http.tls.key_file', http.tls.key_file),
      holds: (http.tls.certificate_file === null) === (http.tls.key_file === null),
      allowed: 'http.tls.certificate_file and http.tls.key_file go together; set both, or none',
    },
    {
      path: 'admin.host',
      value: showValue('admin.host', admin.host),
      holds: isLoopback(admin.host) || admin.token !== null,
      allowed: 'beyond loopback it needs admin.token, since it shows all tenants; set the token, or 127.0.0.1',
    },
    {
      path: 'admin.port',
      value: String(admin.port),
      holds: admin.port === 0 || admin.port !== http.port,
      allowed: 'http.port is the same; the two listeners need a port each',
    },
    {
      path: 'clickhouse.embedded_port',
      value: String(clickhouse.embedded_port),
      holds: clickhouse.url !== 'embedded' || clickhouse.embedded_port === 0 || ![http.port, admin.port].includes(clickhouse.embedded_port),
      allowed: 'http.port or admin.port is the same; each listener needs a port of its own',
    },
    {
      path: 'clickhouse.url',
      value: showValue('clickhouse.url', clickhouse.url),
      holds: clickhouse.url === 'embedded' || isUsableUrl(clickhouse.url),
      allowed: 'it is no valid address; allowed: embedded, or http(s)://user:password@host:8123',
    },
    {
      path: 'registry.url',
      value: showValue('registry.url', registry.url),
      holds: registry.url === 'embedded' || isUsableUrl(registry.url),
      allowed: 'it is no valid address; allowed: embedded, or postgres://user:password@host:5432/database',
    },
  ];
}

/** Whether only this machine can reach a listener on `host`. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.[0-9]{1,3}){3}$/.test(host);
}

function isUsableUrl(url: string): boolean {
  try {
    const { username, password } = new URL(url);
    decodeURIComponent(username + password);
    return true;
  } catch {
    return false;
  }
}

function atMost(path: string, size_bytes: number, bound: string, bound_bytes: number): Rule {
  return {
    path,
    value: formatSize(size_bytes),
    holds: size_bytes <= bound_bytes,
    allowed: `it must not exceed ${bound}, which is ${formatSize(bound_bytes)}`,
  };
}

function atLeast(path: string, size_bytes: number, bound: string, bound_bytes: number): Rule {
  return {
    path,
    value: formatSize(size_bytes),
    holds: size_bytes >= bound_bytes,
    allowed: `it must be at least ${bound}, which is ${formatSize(bound_bytes)}`,
  };
}

/** One addend of a sum, with the settings that make it. */
export interface Share {
  readonly what: string;
  readonly settings: string;
  readonly size_bytes: number;
}

export interface WorstCase {
  /** Of the daemon's process; the embedded ClickHouse's child is its own. */
  readonly memory: readonly Share[];
  readonly memory_bytes: number;
  /** Under `data_dir`, without the embedded ClickHouse's tables, which grow with what they hold. */
  readonly disk: readonly Share[];
  readonly disk_bytes: number;
}

/** What the process can take at the very worst, by cause. */
export function worstCase({ http, workers, spool }: Config): WorstCase {
  const memory: Share[] = [
    { what: 'Penstock and Node.js at rest', settings: '', size_bytes: AT_REST_BYTES },
    { what: 'Requests not yet answered', settings: 'http.bytes_in_flight_max', size_bytes: http.bytes_in_flight_max },
    {
      what: 'Webhooks not yet answered',
      settings: 'http.bytes_in_flight_max / 8',
      size_bytes: Math.floor(http.bytes_in_flight_max * BODY_RESERVE_FRACTION),
    },
    {
      what: 'Stream messages that have not arrived whole',
      settings: 'http.stream_connections_max × stream_message_bytes_max',
      size_bytes: http.stream_connections_max * http.stream_message_bytes_max,
    },
    { what: 'Heaps of the workers', settings: 'workers.threads × heap_bytes_max', size_bytes: workers.threads * workers.heap_bytes_max },
    {
      what: 'Blocks that workers build',
      settings: 'workers.threads × the longest body held',
      size_bytes: workers.threads * heldBodyBytes(http),
    },
    { what: 'Webhooks remembered, to tell repeats', settings: '', size_bytes: REMEMBERED_IDS_MAX * REMEMBERED_ID_BYTES },
    { what: 'Blocks waiting for the disk', settings: 'spool.queued_bytes_max', size_bytes: spool.queued_bytes_max },
    { what: 'Events on the disk that need not be read back', settings: 'spool.held_bytes_max', size_bytes: spool.held_bytes_max },
    { what: 'The segment being sealed', settings: 'spool.seal_bytes_max', size_bytes: sealBytesMax(spool) },
  ];
  const disk: Share[] = [{ what: 'Events not yet in ClickHouse', settings: 'spool.bytes_max', size_bytes: spool.bytes_max }];
  return { memory, memory_bytes: sum(memory), disk, disk_bytes: sum(disk) };
}

function sum(shares: readonly Share[]): number {
  return shares.reduce((total, share) => total + share.size_bytes, 0);
}

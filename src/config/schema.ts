/**
 * What a configuration is: one JSON Schema, from which the type `Config`, the check and the messages are all derived.
 *
 * Names, defaults and meanings are in `config/default.yaml`; here are the bounds of single values. What holds between
 * several values is in `limits.ts`.
 */

import { KEY_LIMIT_BOUNDS } from '../contract/rate.ts';
import { HELD_BODY_BYTES_MAX, WHOLE_BODY_BYTES_MAX } from '../contract/upload.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;
const TIB = 1024 * GIB;

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

const PORT = { type: 'integer', minimum: 0, maximum: 65_535 } as const;
const HOST = { type: 'string', minLength: 1, maxLength: 255 } as const;
const FILE = { type: ['string', 'null'], minLength: 1, maxLength: 4096, description: 'the path of a file, or null' } as const;
const ORIGINS = {
  type: 'array',
  items: { type: 'string', pattern: '^https?://[^\\s/?#,]+$' },
  maxItems: 100,
  description: 'a list of origins such as https://example.com, without a path (in the environment with commas between them)',
} as const;
const NETWORKS = {
  type: 'array',
  items: { type: 'string', minLength: 1 },
  maxItems: 1000,
  description: 'a list of addresses and networks such as 10.0.0.0/8 (in the environment with commas between them)',
} as const;
const TYPES = {
  type: 'array',
  items: { type: 'string', minLength: 1 },
  maxItems: 100,
  description: 'a list of types of events (in the environment with commas between them)',
} as const;
const SECRET = { type: ['string', 'null'], minLength: 1, maxLength: 1024, description: 'text of 1 to 1024 characters, or null' } as const;

/** A whole number within bounds; its unit is said by its name. */
function count<const Minimum extends number, const Maximum extends number>(minimum: Minimum, maximum: Maximum) {
  return { type: 'integer', minimum, maximum } as const;
}

function within({ min, max }: { readonly min: number; readonly max: number }) {
  return count(min, max);
}

/** An object that has exactly these properties. */
function section<const Properties extends Readonly<Record<string, unknown>>>(properties: Properties) {
  return { type: 'object', additionalProperties: false, required: Object.keys(properties), properties } as const;
}

export const CONFIG_SCHEMA = section({
  data_dir: { type: 'string', minLength: 1 },
  log: section({ level: { type: 'string', enum: ['debug', 'info', 'warn', 'error'] } }),
  http: section({
    host: HOST,
    port: PORT,
    body_bytes_max: count(KIB, 16 * GIB),
    event_bytes_max: count(KIB, HELD_BODY_BYTES_MAX),
    bytes_in_flight_max: count(MIB, 64 * GIB),
    receive_buffer_bytes: count(0, 16 * MIB),
    shutdown_ms_max: count(0, HOUR_MS),
    connections_per_address_max: count(0, 1_000_000),
    trusted_proxies: NETWORKS,
    cors_origins: ORIGINS,
    tls: section({ certificate_file: FILE, key_file: FILE }),
    stream_connections_max: count(0, 1_000_000),
    stream_message_bytes_max: count(KIB, WHOLE_BODY_BYTES_MAX),
    stream_window_messages: count(1, 65_536),
    stream_window_bytes: count(KIB, GIB),
    stream_idle_ms_max: count(8_000, 960_000),
  }),
  limits: section({
    events_per_second: within(KEY_LIMIT_BOUNDS.events_per_second),
    bytes_per_second: within(KEY_LIMIT_BOUNDS.bytes_per_second),
    burst_seconds: within(KEY_LIMIT_BOUNDS.burst_seconds),
    events_per_day: within(KEY_LIMIT_BOUNDS.events_per_day),
    priority_event_types: TYPES,
  }),
  admin: section({ host: HOST, port: PORT, token: SECRET }),
  workers: section({
    threads: { ...count(1, 256), description: 'a whole number from 1 to 256, or auto' },
    heap_bytes_max: count(32 * MIB, 4 * GIB),
    slabs_per_thread_max: count(1, 16),
  }),
  dispatch: section({
    slab_bytes_max: count(4 * KIB, 64 * MIB),
    slab_requests_max: count(1, 65_536),
    slabs_queued_max: count(1, 65_536),
  }),
  spool: section({
    ack: { type: 'string', enum: ['disk', 'memory'] },
    bytes_max: count(MIB, 1024 * TIB),
    reserve_bytes: count(0, 1024 * TIB),
    free_bytes_min: count(0, 1024 * TIB),
    priority_watermark: { type: 'number', minimum: 0, maximum: 1, description: 'a number from 0 to 1' },
    seal_age_ms_max: count(10, HOUR_MS),
    seal_rows_max: count(1, 10_000_000),
    seal_bytes_max: count(64 * KIB, GIB),
    group_delay_ms_max: count(0, 1000),
    queued_bytes_max: count(64 * KIB, 16 * GIB),
    held_bytes_max: count(0, 16 * GIB),
  }),
  delivery: section({
    concurrency: count(1, 64),
    retry_delay_ms_min: count(1, MINUTE_MS),
    retry_delay_ms_max: count(1, HOUR_MS),
    request_timeout_ms: count(100, HOUR_MS),
    shutdown_ms_max: count(0, HOUR_MS),
  }),
  registry: section({
    url: {
      type: 'string',
      pattern: '^(embedded|postgres(ql)?://\\S+)$',
      description: 'embedded, or postgres://user:password@host:5432/database (special characters of the password as %XX)',
    },
  }),
  clickhouse: section({
    url: {
      type: 'string',
      pattern: '^(embedded|https?://[^\\s/?#]+/?)$',
      description: 'embedded, or http(s)://user:password@host:8123 without a path (special characters of the password as %XX)',
    },
    database: {
      type: 'string',
      pattern: '^[A-Za-z_][A-Za-z0-9_]{0,63}$',
      description: 'a name of letters, digits and underscores that does not begin with a digit, at most 64 characters',
    },
    embedded_port: PORT,
    embedded_password: SECRET,
    embedded_free_bytes_min: count(0, 1024 * TIB),
    retention_months: {
      type: ['integer', 'null'],
      minimum: 0,
      maximum: 600,
      description: 'a whole number of months from 3 to 600, 0 for ever, or null to leave the tables alone',
    },
  }),
});

interface TypeOfName {
  readonly string: string;
  readonly integer: number;
  readonly number: number;
  readonly null: null;
  readonly array: readonly string[];
}

/** The values that a schema of this file admits. */
type ValueOf<Schema> = Schema extends { readonly enum: readonly (infer Choice)[] }
  ? Choice
  : Schema extends { readonly properties: infer Properties }
    ? { readonly [Key in keyof Properties]: ValueOf<Properties[Key]> }
    : Schema extends { readonly type: infer Name }
      ? TypeOfName[Extract<Name extends readonly (infer Each)[] ? Each : Name, keyof TypeOfName>]
      : never;

/** The configuration as the daemon reads it: complete, checked, frozen; bytes as numbers, `data_dir` absolute, threads counted. */
export type Config = ValueOf<typeof CONFIG_SCHEMA>;

/** One node of the schema as the loader and the messages read it, whatever its kind. */
export interface SchemaNode {
  readonly type: string | readonly string[];
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly description?: string;
}

const ROOT: SchemaNode = CONFIG_SCHEMA;

/** All settings in the order of the schema, each with its path (`http.port`) and its own schema. */
export const SETTINGS: ReadonlyMap<string, SchemaNode> = new Map(settingsUnder(ROOT, ''));

function settingsUnder(node: SchemaNode, prefix: string): [string, SchemaNode][] {
  return Object.entries(node.properties ?? {}).flatMap(([name, child]) =>
    child.properties === undefined
      ? [[`${prefix}${name}`, child] satisfies [string, SchemaNode]]
      : settingsUnder(child, `${prefix}${name}.`),
  );
}

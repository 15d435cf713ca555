/**
 * The one catalogue of operating errors: what the world can do to us, and what we say then.
 *
 * A message says what happened, to what, and what to do; `{name}` is filled from the error's context. `status` is the HTTP
 * answer where a client can meet the error, `exit` the process's exit code where it ends a command (2: wrong usage).
 */

interface Entry {
  readonly status?: number;
  readonly exit?: 1 | 2;
  readonly message: string;
  /** The words where an error is `{"detail"}` and its clients know other ones than ours. */
  readonly detail?: string;
}

const CATALOGUE = {
  // Requests: what a client did.
  not_json: { status: 400, message: 'The body is not valid JSON. Send one JSON object in UTF-8.' },
  not_an_object: { status: 400, message: 'The body must be a JSON object.' },
  no_events: { status: 400, message: 'The body has no array "events". Send {"events":[…]}.' },
  repeated_events: { status: 400, message: 'The body has the key "events" more than once. Send one array.' },
  body_around_events_too_large: { status: 400, message: 'The body has more than 1 MiB beside its array "events". Send only the events.' },
  no_webhook_id: { status: 400, message: 'The body has no text "id". Send {"id":"…","type":"…","payload":{…}}.' },
  no_webhook_type: { status: 400, message: 'The body has no text "type". Send {"id":"…","type":"…","payload":{…}}.' },
  nesting_too_deep: { status: 400, message: 'The body nests deeper than 500 levels.' },
  too_many_keys: { status: 400, message: 'An object in the body has too many keys.' },
  field_required: { status: 400, message: "Field '{field}' is required" },
  field_not_text: { status: 400, message: "Field '{field}' must be a string" },
  field_not_object: { status: 400, message: "Field '{field}' must be an object" },
  field_unknown_value: { status: 400, message: "Field '{field}' must be one of: {allowed}" },
  field_too_large: { status: 400, message: "Field '{field}' is larger than {bytes_max} bytes" },
  event_too_large: { status: 400, message: 'The event is larger than {bytes_max} bytes.' },
  idempotency_key_invalid: { status: 400, message: 'The Idempotency-Key must be 1 to 255 printable ASCII characters.' },
  bad_request: { status: 400, message: 'The request is malformed: conflicting or unreadable length headers.' },
  unauthorized: { status: 401, message: 'The API key is missing or not valid for this request.', detail: 'Invalid API key' },
  not_found: { status: 404, message: 'There is nothing at this address. Check the path.' },
  product_unknown: { status: 404, message: "There is no product '{product_name}'." },
  method_not_allowed: { status: 405, message: 'This address does not take this method; see the Allow header.' },
  body_too_large: { status: 413, message: 'The body is larger than {body_bytes_max} bytes. Send smaller batches.' },
  inflated_too_large: { status: 413, message: 'The body is larger than the limit once it is decompressed. Send smaller batches.' },
  encoding_corrupt: { status: 400, message: 'The body cannot be decompressed as its Content-Encoding says.' },
  not_message_pack: { status: 400, message: 'The body is not valid MessagePack. Send one map.' },
  upload_broken_off: { status: 400, message: 'The body ended before it was complete, and nothing of it was stored. Send it again.' },
  media_type_unsupported: { status: 415, message: 'The media type of the body is not supported here. Send {supported}.' },
  encoding_unsupported: { status: 415, message: 'The Content-Encoding of the body is not supported. Send one of {supported}, or none.' },
  rate_limited: {
    status: 429,
    message: 'This key sends more than its {limit} {unit}. Nothing of the request was stored; retry it after the time in Retry-After.',
  },
  quota_exceeded: {
    status: 429,
    message: 'This key has sent its {limit} {unit} (UTC). Nothing of the request was stored; retry it after the time in Retry-After.',
  },
  parameter_invalid: { status: 400, message: 'The parameter "{parameter}" is not valid: {problem}.' },
  internal_error: { status: 500, message: 'The server met a fault of its own; its log says which. Report it to whoever runs it.' },
  read_timed_out: {
    status: 503,
    message: 'The answer took too long. Ask for less (a shorter range), or retry after the time in Retry-After.',
  },
  clickhouse_unavailable: {
    status: 503,
    message: 'ClickHouse does not answer ({reason}). Events are taken and kept meanwhile; retry after the time in Retry-After.',
  },
  query_too_dear: {
    status: 503,
    message: 'The answer would take too long or too much memory. Ask for less: a shorter range, fewer releases.',
  },
  overloaded: { status: 503, message: 'The server has as much in hand as it can hold. Retry after the time in Retry-After.' },
  shedding: {
    status: 503,
    message:
      'The server has little room left and keeps it for crashes and rollbacks. Nothing of the request was stored; retry it after the time in Retry-After.',
  },
  too_many_connections: {
    status: 503,
    message: 'This address has as many requests in hand as it may. Send fewer at a time; retry after the time in Retry-After.',
  },
  shutting_down: { status: 503, message: 'The server is shutting down. Retry after the time in Retry-After.' },
  worker_died: { status: 503, message: 'The request could not be processed and nothing of it was stored. Retry it.' },
  // The stream.
  upgrade_required: {
    status: 426,
    message: 'This address speaks WebSocket (RFC 6455, version 13). Open it with a WebSocket client, or POST to {instead}.',
  },
  stream_seq_invalid: { status: 400, message: 'The member "seq" of the message must be a whole number from 0 to 9007199254740991.' },
  stream_seq_reused: {
    status: 409,
    message: 'The seq {seq} was used for another message of this session. Use a new number, or a new session.',
  },
  stream_window_exceeded: {
    status: 503,
    message:
      'More than {window_messages} messages or {window_bytes} bytes of this connection wait for their answers. Nothing of this message was stored; send it again when answers have come.',
  },
  // The spool.
  spool_unwritable: { status: 503, message: 'The spool cannot be written ({reason}). Nothing of the request was stored; retry it.' },
  spool_full: {
    status: 503,
    message:
      'The spool holds {spool_bytes} of {spool_bytes_max} bytes, which ClickHouse has not taken yet. Nothing of the request was stored; retry it later.',
  },
  disk_nearly_full: {
    status: 503,
    message:
      'The disk of the spool has {free_bytes} bytes free and needs {needed_bytes} (spool.free_bytes_min and spool.reserve_bytes). Nothing of the request was stored; retry it later.',
  },
  segment_corrupt: { message: 'Segment {segment} does not match its checksum: {problem}. It is set aside under {path}.' },
  // The registry.
  version_conflict: { status: 409, message: 'Version {version} already exists with different SHA' },
  idempotency_conflict: {
    status: 409,
    message: 'This Idempotency-Key was used with another body within the last 24 hours. Use a new key for a new event.',
  },
  registry_unavailable: {
    status: 503,
    message: 'The registry of versions cannot be reached ({reason}). Nothing of the request was stored; retry it.',
  },
  claim_undecided: {
    status: 503,
    message: 'Another request with the same version or key is not decided yet. Nothing of this one was stored; retry it.',
  },
  // Delivery.
  segment_partial: {
    message:
      "ClickHouse holds {rows_found} of the {rows} rows of segment {segment} in table {table}, which one INSERT cannot leave. Nothing more is sent to this table. Find out who removed or doubled them; once ALTER TABLE {table} DELETE WHERE ingest_segment = '{segment}' is done, the segment is delivered again.",
  },
  // Start and commands.
  config_unreadable: { exit: 2, message: 'The configuration file {path} cannot be read: {reason}.' },
  config_invalid: { exit: 2, message: '{path}: {value} is not allowed; {allowed}.' },
  data_dir_unwritable: {
    exit: 1,
    message: 'The data directory {data_dir} cannot be written ({reason}). Give this user write access, or set data_dir.',
  },
  data_dir_missing: {
    exit: 1,
    message: 'There is no data directory {data_dir}. Name the one that the daemon was started with (data_dir).',
  },
  data_dir_locked: {
    exit: 1,
    message: 'The data directory {data_dir} is in use by process {pid}. Stop that daemon, or set another data_dir.',
  },
  data_dir_foreign: {
    exit: 1,
    message: 'The data directory {data_dir} holds files that are not ours ({entry}). Choose an empty directory.',
  },
  data_dir_newer: {
    exit: 1,
    message: 'The data directory {data_dir} is of a newer Penstock (format {format}; this one knows {known}). Upgrade, or set data_dir.',
  },
  registry_unusable: {
    exit: 1,
    message: 'The registry in {directory} cannot be opened: {reason}. Give this user write access, or restore the directory from a backup.',
  },
  certificate_unusable: {
    exit: 1,
    message: 'The certificate {path} or its key cannot be used: {reason}. See http.tls.certificate_file and http.tls.key_file.',
  },
  port_in_use: { exit: 1, message: 'Port {port} on {host} is taken by another program. Stop it, or set {setting}.' },
  engine_directory_locked: {
    exit: 1,
    message: 'The embedded ClickHouse in {directory} is in use by another process. Stop that daemon, or set another data_dir.',
  },
  engine_failed: {
    exit: 1,
    message: 'The embedded ClickHouse did not start: {reason}',
  },
  http_engine_missing: {
    exit: 1,
    message:
      'No build of uWebSockets.js works with Node {node} and this C library ({reason}). Node 20 to 23 work anywhere, Node 22, 24 and 26 with glibc 2.38 or later: use one of these, and run npm ci with it.',
  },
  receive_buffer_unset: {
    exit: 1,
    message:
      'The size of receive buffers cannot be set on this system ({reason}). Set http.receive_buffer_bytes to 0 to leave it to the system: long uploads of fast senders then hold up others.',
  },
  keys_unreadable: { exit: 1, message: 'The key file {path} cannot be read: {reason}. Restore it from a backup.' },
  keys_unwritable: { exit: 1, message: 'The key file {path} cannot be written: {reason}. Give this user write access, or set data_dir.' },
  keys_locked: { exit: 1, message: 'The key file {path} is being changed by process {pid}. Try again.' },
  key_exists: { exit: 1, message: 'This secret is registered already, as {id}. A secret has one record.' },
  key_unknown: { exit: 1, message: 'There is no key {id}. keys list shows what there is.' },
  key_refused: { exit: 2, message: 'The key is refused: {problem}.' },
  letter_unknown: { exit: 1, message: 'There is no dead letter {id}. dead-letter list shows what there is.' },
  letter_ambiguous: { exit: 1, message: '{count} dead letters begin with {id}. Give more of the id.' },
  query_failed: { exit: 1, message: '{answer}' },
  erasure_in_the_way: {
    exit: 1,
    message: 'Another erasure, {erasure}, was begun at {begun_at} (UTC) and is unfinished. Run its command again first.',
  },
  erasure_must_wait: {
    exit: 1,
    message:
      '{segments} segments that were accepted before are still in the spool after {wait_seconds} s. Nothing was deleted. See that a daemon delivers them, and run the command again.',
  },
  erasure_unfinished: {
    exit: 1,
    message: '{rows} rows of table {table} are still there: ClickHouse has not finished deleting. Run the same command again.',
  },
  usage: { exit: 2, message: '{problem} Try --help.' },
  daemon_refused: { exit: 1, message: 'The daemon at {url} answered {status}: {reason}' },
  daemon_unreachable: { exit: 1, message: 'No answer from {url} ({reason}). Is the daemon running?' },
} as const satisfies Record<string, Entry>;

export type ErrorCode = keyof typeof CATALOGUE;

/** The codes that a client of the HTTP interface can meet, in a fixed order: their position travels in slabs. */
export const ERROR_CODES: readonly ErrorCode[] = Object.keys(CATALOGUE).filter(isErrorCode);

export type ErrorContext = Readonly<Record<string, string | number>>;

export function isErrorCode(name: string): name is ErrorCode {
  return Object.hasOwn(CATALOGUE, name);
}

/** The HTTP status of a code that a client can meet; 500 for one that was never meant for a client. */
export function errorStatus(code: ErrorCode): number {
  const entry: Entry = CATALOGUE[code];
  return entry.status ?? 500;
}

/** The message of `code` with its context filled in. */
export function describeError(code: ErrorCode, context: ErrorContext = {}): string {
  const entry: Entry = CATALOGUE[code];
  return entry.message.replace(/\{([a-z_]+)\}/g, (placeholder, name: string) => String(context[name] ?? placeholder));
}

/** The same for an answer of the shape `{"detail"}`. */
export function describeDetail(code: ErrorCode, context: ErrorContext = {}): string {
  const entry: Entry = CATALOGUE[code];
  return entry.detail ?? describeError(code, context);
}

/** Something the world did. Its message is fit for a log, a terminal and, with a status, a client. */
export class OperatingError extends Error {
  readonly code: ErrorCode;
  readonly context: ErrorContext;

  constructor(code: ErrorCode, context: ErrorContext = {}, options?: ErrorOptions) {
    super(describeError(code, context), options);
    this.name = 'OperatingError';
    this.code = code;
    this.context = context;
  }

  get status(): number {
    return errorStatus(this.code);
  }

  get exit(): number {
    const entry: Entry = CATALOGUE[this.code];
    return entry.exit ?? 1;
  }
}

/**
 * What a request to ClickHouse's HTTP interface asks for: its URL and headers, read. The body is read in `body.ts`.
 *
 * Parameters of the URL that are none of the interface's own are settings, as in ClickHouse.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { exception } from './exception.ts';
import type { Settings } from './settings.ts';

export interface QueryRequest {
  readonly url_query: string;
  readonly database: string;
  /** Of the answer, when the statement names none. */
  readonly format: string;
  readonly query_id: string;
  readonly user: string;
  readonly password: string;
  readonly read_only: boolean;
  readonly in_session: boolean;
  readonly gzip_answer: boolean;
  readonly settings: Settings;
  readonly parameters: Settings;
}

/** Names that ClickHouse's handler keeps for itself; `readonly` is a setting there, and here the read-only sessions. */
const OWN_NAMES: ReadonlySet<string> = new Set(
  `query database default_format query_id user password session_id session_timeout session_check close_session quota_key role stacktrace
  buffer_size wait_end_of_query send_progress_in_http_headers http_headers_progress_interval_ms compress decompress
  enable_http_compression http_zlib_compression_level client_protocol_version readonly`.split(/\s+/),
);

/** Throws BAD_ARGUMENTS or NOT_IMPLEMENTED on what is asked in vain. */
export function parseRequest(method: string, url: URL, headers: IncomingHttpHeaders, new_query_id: () => string): QueryRequest {
  const asked = url.searchParams;
  for (const name of ['compress', 'decompress']) {
    if (isTrue(asked.get(name))) throw exception('NOT_IMPLEMENTED', `${name}=1 (native LZ4 framing) is not taken; use gzip`);
  }
  const query_id = asked.get('query_id') || new_query_id();
  const settings = new Map<string, string>();
  const parameters = new Map<string, string>();
  for (const [name, value] of asked) {
    if (name.startsWith('param_')) parameters.set(name.slice('param_'.length), value);
    else if (!OWN_NAMES.has(name)) settings.set(name, value);
  }
  if (asked.has('query_id') || !settings.has('log_comment')) settings.set('log_comment', query_id);
  return {
    url_query: asked.get('query') ?? '',
    database: asked.get('database') || header(headers, 'x-clickhouse-database') || 'default',
    format: checkedFormat(asked.get('default_format') || header(headers, 'x-clickhouse-format') || defaultFormat(headers)),
    query_id,
    ...credentials(asked, headers),
    read_only: method !== 'POST' || ['1', '2'].includes(asked.get('readonly') ?? ''),
    in_session: asked.has('session_id'),
    gzip_answer: isTrue(asked.get('enable_http_compression')) && acceptsGzip(header(headers, 'accept-encoding')),
    settings,
    parameters,
  };
}

/** A format's name goes into the statement bare, so it must be a bare word. */
function checkedFormat(name: string): string {
  if (!/^[A-Za-z][A-Za-z0-9_]*$/.test(name)) throw exception('BAD_ARGUMENTS', `'${name}' is no name of a format`);
  return name;
}

function defaultFormat(headers: IncomingHttpHeaders): string {
  return header(headers, 'x-clickhouse-default-format') || 'TabSeparated';
}

/** From the `X-ClickHouse-User` headers, HTTP Basic, or the URL, in this order; the server refuses to mix them, this does not. */
function credentials(asked: URLSearchParams, headers: IncomingHttpHeaders): { user: string; password: string } {
  const user = header(headers, 'x-clickhouse-user');
  const key = header(headers, 'x-clickhouse-key');
  if (user !== '' || key !== '') return { user: user || 'default', password: key };
  const basic = /^basic +([A-Za-z0-9+/=_-]+) *$/i.exec(header(headers, 'authorization'));
  if (basic?.[1] !== undefined) {
    const pair = Buffer.from(basic[1], 'base64').toString();
    const colon = pair.indexOf(':');
    return colon < 0 ? { user: pair, password: '' } : { user: pair.slice(0, colon) || 'default', password: pair.slice(colon + 1) };
  }
  return { user: asked.get('user') || 'default', password: asked.get('password') ?? '' };
}

function acceptsGzip(accept_encoding: string): boolean {
  return accept_encoding.split(',').some((part) => /^\s*(?:gzip|x-gzip)\s*(?:;\s*q=(?!0(?:\.0*)?\s*$).*)?$/i.test(part));
}

function isTrue(value: string | null): boolean {
  return value !== null && ['1', 'true'].includes(value.toLowerCase());
}

function header(headers: IncomingHttpHeaders, name: string): string {
  const value = headers[name];
  return typeof value === 'string' ? value : '';
}

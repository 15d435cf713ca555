/**
 * ClickHouse's HTTP interface on loopback, as far as clients use it: `/ping`, and queries at `/`.
 *
 * A browser on this machine can reach the port too, from any page. So every request must name this port as its Host (no DNS
 * rebinding) and must carry no Origin (no script of a page), or it is answered 403 before anything of it is read.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { readBody, removeFiles } from './body.ts';
import { QUERY_BYTES_MAX } from './engine_config.ts';
import { type ClickHouseException, EXCEPTION_CODES, exception, fromEngine } from './exception.ts';
import type { Executor } from './executor.ts';
import { parseRequest, type QueryRequest } from './request.ts';

/** What the server needs once the engine runs. */
export interface Service {
  readonly executor: Executor;
  /** The engine's version, its time zone and the name it shows. */
  readonly identity: { readonly version: string; readonly timezone: string; readonly display_name: string };
  readonly password: string;
  readonly body_bytes_max: number;
  readonly newFileName: () => string;
  readonly newQueryId: () => string;
  /** Told of an exception after which the engine answers nothing any more. */
  readonly onEngineBroken: (problem: string) => void;
}

/** As ClickHouse's own: a client must close idle connections before this. */
const KEEP_ALIVE_MS = 10_000;
const HEAD_TIMEOUT_MS = 10_000;
const BODY_TIMEOUT_MS = 300_000;
const CONNECTIONS_MAX = 256;

const CONTENT_TYPES: readonly (readonly [pattern: RegExp, content_type: string])[] = [
  [/^(?:TabSeparated|TSV)/, 'text/tab-separated-values; charset=UTF-8'],
  [/^CSV/, 'text/csv; charset=UTF-8; header=absent'],
  [/^JSON.*EachRow/, 'application/x-ndjson; charset=UTF-8'],
  [/^JSON/, 'application/json; charset=UTF-8'],
  [/^(?:Native|RowBinary|Parquet|ORC|Avro|Arrow|MsgPack|BSON|Protobuf|CapnProto)/, 'application/octet-stream'],
  [/^XML/, 'application/xml; charset=UTF-8'],
];

const compress = promisify(gzip);

/** A server that answers 503 until `service()` gives one. The caller listens and closes. */
export function createClickHouseServer(service: () => Service | undefined): Server {
  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS, headersTimeout: HEAD_TIMEOUT_MS, requestTimeout: BODY_TIMEOUT_MS });
  server.maxConnections = CONNECTIONS_MAX;
  let port = 0;
  // Kept, since a server that closes has no address any more and still answers on the connections that it has.
  server.on('listening', () => {
    const address = server.address();
    if (typeof address === 'object' && address !== null) port = address.port;
  });
  server.on('request', (request, response) => {
    response.on('error', () => undefined);
    if (!isFromThisMachine(request, port)) return plain(request, response, 403, 'Forbidden: this port answers local programs only.\n');
    const running = service();
    if (running === undefined) return plain(request, response, 503, 'The embedded ClickHouse is starting or stopping.\n');
    const url = new URL(request.url ?? '/', 'http://localhost');
    if (['/ping', '/replicas_status'].includes(url.pathname)) return plain(request, response, 200, 'Ok.\n');
    if (url.pathname !== '/' && url.pathname !== '/query') return plain(request, response, 404, 'There is no handle for this path.\n');
    if (request.method === 'GET' && !url.searchParams.has('query')) return plain(request, response, 200, 'Ok.\n');
    if (request.method !== 'GET' && request.method !== 'POST') return plain(request, response, 405, 'Use GET or POST.\n');
    void answerQuery(running, request, response, url);
  });
  return server;
}

/** A page in a browser sends its Origin; a rebound DNS name arrives as a Host that is not ours. */
function isFromThisMachine(request: IncomingMessage, port: number): boolean {
  const host = request.headers.host?.toLowerCase();
  const ours = ['127.0.0.1', 'localhost', '[::1]'].map((name) => `${name}:${port}`);
  return request.headers.origin === undefined && host !== undefined && ours.includes(host);
}

async function answerQuery(service: Service, request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
  const body_file = service.newFileName();
  const abandoned = new AbortController();
  let query: QueryRequest | undefined;
  try {
    query = parseRequest(request.method ?? 'GET', url, request.headers, service.newQueryId);
    const { query_id } = query;
    authenticate(service.password, query);
    const limits = { head_bytes_max: QUERY_BYTES_MAX, body_bytes_max: service.body_bytes_max };
    const body = await readBody(request, body_file, limits);
    response.once('close', () => {
      if (response.writableFinished) return;
      abandoned.abort();
      service.executor.killReads(query_id).catch(() => undefined);
    });
    const { bytes, format, summary } = await service.executor.execute(query, body, abandoned.signal);
    identify(service, response, query_id);
    response.setHeader('X-ClickHouse-Summary', JSON.stringify(summary));
    response.setHeader('X-ClickHouse-Format', format);
    response.setHeader('X-ClickHouse-Timezone', service.identity.timezone);
    response.setHeader('Content-Type', CONTENT_TYPES.find(([pattern]) => pattern.test(format))?.[1] ?? 'text/plain; charset=UTF-8');
    const packed = query.gzip_answer && bytes.length > 0;
    if (packed) response.setHeader('Content-Encoding', 'gzip');
    send(request, response, 200, packed ? await compress(bytes) : bytes);
  } catch (error) {
    answerException(service, request, response, fromEngine(error), query?.query_id ?? '');
  } finally {
    await removeFiles(body_file).catch(() => undefined);
  }
}

function answerException(
  service: Service,
  request: IncomingMessage,
  response: ServerResponse,
  problem: ClickHouseException,
  query_id: string,
): void {
  identify(service, response, query_id);
  response.setHeader('X-ClickHouse-Exception-Code', String(problem.code));
  response.setHeader('Content-Type', 'text/plain; charset=UTF-8');
  send(request, response, problem.status, Buffer.from(problem.body(service.identity.version)));
  // ABORTED of the engine's own: it is shutting itself down after a fatal error and never comes back in this process.
  if (problem.code === EXCEPTION_CODES.ABORTED && /server is shutting down/i.test(problem.message)) service.onEngineBroken(problem.message);
}

function authenticate(password: string, query: QueryRequest): void {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  if (query.user === 'default' && timingSafeEqual(digest(query.password), digest(password))) return;
  throw exception(
    'AUTHENTICATION_FAILED',
    `${query.user}: Authentication failed: password is incorrect, or there is no user with such name.`,
  );
}

function identify(service: Service, response: ServerResponse, query_id: string): void {
  if (response.headersSent) return;
  response.setHeader('X-ClickHouse-Server-Display-Name', service.identity.display_name);
  // Whatever the client chose, without what a header cannot carry.
  response.setHeader('X-ClickHouse-Query-Id', query_id.replace(/[^\x20-\x7e]/g, '?'));
}

function plain(request: IncomingMessage, response: ServerResponse, status: number, text: string): void {
  response.setHeader('Content-Type', 'text/plain; charset=UTF-8');
  send(request, response, status, Buffer.from(text));
}

/** Ends the answer. What is left of a body that nobody read would be taken for the next request: that connection ends. */
function send(request: IncomingMessage, response: ServerResponse, status: number, bytes: Uint8Array): void {
  if (response.destroyed || response.headersSent) return;
  if (!request.complete) response.setHeader('Connection', 'close');
  response.writeHead(status, { 'Content-Length': bytes.length });
  response.end(bytes);
}

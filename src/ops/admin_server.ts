/**
 * The operator's listener: Node's own HTTP server, since nothing here is hot. It shows all tenants, so that beyond loopback it
 * wants a token; health alone is open to anybody, since load balancers and container runtimes have no token.
 */
import { hash, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { OperatingError } from '../contract/errors.ts';

export interface AdminPage {
  readonly status: number;
  readonly content_type: string;
  readonly body: string | Uint8Array;
  /** Beside or instead of the usual ones. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** Whoever reads an answer that has no end. */
export interface Viewer {
  /** Bytes that were written and that the viewer has not taken yet. */
  readonly writableLength: number;
  write(text: string): boolean;
  destroy(): unknown;
  once(event: 'close', listener: () => void): unknown;
}

/** An answer that goes on: `open` gets the viewer, and from then on owns it. */
export interface AdminStream {
  readonly content_type: string;
  open(viewer: Viewer): void;
}

export interface AdminRequest {
  readonly headers: IncomingHttpHeaders;
  readonly query: URLSearchParams;
}

export interface AdminRoute {
  readonly path: string;
  /** Answered without the token too. */
  readonly is_open: boolean;
  /** Not named to who asks for an address that is not there. */
  readonly is_part?: boolean;
  answer(request: AdminRequest): AdminPage | AdminStream | Promise<AdminPage>;
}

const REQUEST_TIMEOUT_MS = 10_000;
const CONNECTIONS_MAX = 64;

export class AdminServer {
  private readonly server: Server;
  private readonly routes: ReadonlyMap<string, AdminRoute>;

  constructor(
    routes: readonly AdminRoute[],
    private readonly token: string | null,
    private readonly on_error: (error: unknown) => void,
  ) {
    this.routes = new Map(routes.map((route) => [route.path, route]));
    this.server = createServer((request, response) => void this.handle(request, response));
    this.server.requestTimeout = REQUEST_TIMEOUT_MS;
    this.server.maxConnections = CONNECTIONS_MAX;
  }

  /** Resolves to the port; rejects with `port_in_use`. */
  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.server.once('error', (error: NodeJS.ErrnoException) => {
        const is_taken = error.code === 'EADDRINUSE' || error.code === 'EADDRNOTAVAIL' || error.code === 'EACCES';
        reject(is_taken ? new OperatingError('port_in_use', { host, port, setting: 'admin.port' }, { cause: error }) : error);
      });
      this.server.listen({ host, port, exclusive: true }, () => {
        const address = this.server.address();
        resolve(typeof address === 'object' && address !== null ? address.port : port);
      });
    });
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    request.resume();
    const page = await this.page(request).catch((error: unknown) => {
      this.on_error(error);
      return failure(500, 'internal_error', 'The page could not be made; the log says why.');
    });
    const headers = { 'Content-Type': page.content_type, 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff' };
    if ('open' in page) {
      response.writeHead(200, headers);
      if (request.method === 'HEAD') response.end();
      else page.open(response);
      return;
    }
    response.writeHead(page.status, { ...headers, ...page.headers });
    response.end(request.method === 'HEAD' ? undefined : page.body);
  }

  private async page(request: IncomingMessage): Promise<AdminPage | AdminStream> {
    const [path = '/', query = ''] = (request.url ?? '/').split('?', 2);
    const route = this.routes.get(path);
    if (route?.is_open !== true && !this.isAuthorized(request.headers.authorization)) {
      return failure(401, 'unauthorized', 'Send the admin token as "Authorization: Bearer …".');
    }
    if (this.token === null && !isLoopbackHost(request.headers.host)) return failure(403, 'forbidden_host', 'Ask for it as localhost.');
    if (route === undefined) return failure(404, 'not_found', `There is: ${this.addresses().join(', ')}.`);
    if (request.method !== 'GET' && request.method !== 'HEAD') return failure(405, 'method_not_allowed', 'Only GET is allowed here.');
    return await route.answer({ headers: request.headers, query: new URLSearchParams(query) });
  }

  private addresses(): string[] {
    return [...this.routes.values()].filter(({ is_part }) => is_part !== true).map(({ path }) => path);
  }

  private isAuthorized(authorization: string | undefined): boolean {
    if (this.token === null) return true;
    const presented = /^bearer (.*)$/i.exec(authorization ?? '')?.[1] ?? '';
    return timingSafeEqual(hash('sha256', presented, 'buffer'), hash('sha256', this.token, 'buffer'));
  }
}

/** A page from elsewhere whose name was made to point here would send its own name: without a token it must not read anything. */
function isLoopbackHost(host: string | undefined): boolean {
  return /^(localhost|127\.0\.0\.1|\[::1\])(:[0-9]+)?$/i.test(host ?? '');
}

function failure(status: number, error: string, message: string): AdminPage {
  return { status, content_type: 'application/json', body: JSON.stringify({ ok: false, error, message }) };
}

/**
 * Lets web pages of named origins call the public listener: off without one, exact origins only, and never with credentials, since
 * keys travel in headers that a page sets itself.
 *
 * What a browser must be told stands in an answer's headers, and an answer is written far from its request's head; so the origin of
 * a request is kept here until then. A request without an allowed origin is answered as if there were no CORS.
 */
import type { HttpApp, HttpRequest, HttpResponse } from './engine.ts';

type Handler = (response: HttpResponse, request: HttpRequest) => void;

const ALLOWED_HEADERS = 'authorization, content-encoding, content-type, idempotency-key, x-api-key';
const EXPOSED_HEADERS = 'Retry-After, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset';
/** For how long a browser need not ask again. */
const PREFLIGHT_AGE_S = '600';
const NO_HEADERS: readonly (readonly [string, string])[] = [];

/** What routes are put on. */
export interface RouteTable {
  get(path: string, handler: Handler): unknown;
  post(path: string, handler: Handler): unknown;
  any(path: string, handler: Handler): unknown;
}

export class Cors {
  private origins: ReadonlySet<string>;
  /** Origins of requests that are not answered yet; an entry goes with its response. */
  private readonly asking = new WeakMap<HttpResponse, string>();

  constructor(origins: readonly string[]) {
    this.origins = new Set(origins);
  }

  setOrigins(origins: readonly string[]): void {
    this.origins = new Set(origins);
  }

  /** `app` with every request's origin noted before its handler, and preflight requests answered. */
  watching(app: HttpApp): RouteTable {
    app.options('/*', (response, request) => this.answerPreflight(response, request));
    const noting =
      (handler: Handler): Handler =>
      (response, request) => {
        if (this.origins.size > 0) this.note(response, request);
        handler(response, request);
      };
    return {
      get: (path, handler) => app.get(path, noting(handler)),
      post: (path, handler) => app.post(path, noting(handler)),
      any: (path, handler) => app.any(path, noting(handler)),
    };
  }

  /** What the answer has to say to the page that asked. */
  headersOf(response: HttpResponse): readonly (readonly [string, string])[] {
    const origin = this.origins.size === 0 ? undefined : this.asking.get(response);
    if (origin === undefined) return NO_HEADERS;
    return [
      ['Access-Control-Allow-Origin', origin],
      ['Access-Control-Expose-Headers', EXPOSED_HEADERS],
      ['Vary', 'Origin'],
    ];
  }

  private note(response: HttpResponse, request: HttpRequest): void {
    const origin = request.getHeader('origin');
    if (this.origins.has(origin)) this.asking.set(response, origin);
  }

  /** Any other OPTIONS goes on to its route, which does not take it. */
  private answerPreflight(response: HttpResponse, request: HttpRequest): void {
    const origin = request.getHeader('origin');
    if (!this.origins.has(origin) || request.getHeader('access-control-request-method') === '') {
      request.setYield(true);
      return;
    }
    response.writeStatus('204 No Content');
    response.writeHeader('Access-Control-Allow-Origin', origin);
    response.writeHeader('Access-Control-Allow-Methods', 'GET, POST');
    response.writeHeader('Access-Control-Allow-Headers', ALLOWED_HEADERS);
    response.writeHeader('Access-Control-Max-Age', PREFLIGHT_AGE_S);
    response.writeHeader('Vary', 'Origin');
    response.endWithoutBody();
  }
}

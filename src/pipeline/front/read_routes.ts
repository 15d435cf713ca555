/**
 * Mounts read routes on the public listener: who may ask, with which method, and how many at once.
 *
 * Reads share ClickHouse and the main thread with what must not wait, so only so many are worked on; the rest are told when to
 * come back. A place is given back when the work has ended, not when the client has gone: what is abandoned still takes its time.
 */
import { OperatingError } from '../../contract/errors.ts';
import type { ReadRoute } from '../../contract/read_route.ts';
import type { KeyUse, Tenant } from '../../contract/tenant.ts';
import { type Answer, errorAnswer } from './answers.ts';
import type { RouteTable } from './cors.ts';
import type { HttpRequest, HttpResponse } from './engine.ts';
import { parameterNames, readPathValues, readQuery } from './read_parameters.ts';
import { type ReadContext, ReadExchange } from './read_request.ts';
import { RequestHead } from './request_head.ts';

export interface ReadRoutesContext extends ReadContext {
  lookupKey(presented: string, use: KeyUse): Tenant | undefined;
  isClosing(): boolean;
}

/** Requests that are worked on at one time. */
export const READS_MAX = 16;

const ANYONE: Tenant = { organization_id: '', project_id: '', environment: '' };

export class ReadRoutes {
  private running = 0;

  constructor(private readonly context: ReadRoutesContext) {}

  mount(app: RouteTable, route: ReadRoute): void {
    const names = parameterNames(route.path);
    app.get(route.path, (response, request) => this.receive(response, request, route, names));
    app.any(route.path, (response, request) => this.refuseMethod(response, request, route));
  }

  private receive(response: HttpResponse, request: HttpRequest, route: ReadRoute, names: readonly string[]): void {
    const head = new RequestHead(request);
    // A body of a GET means nothing here and is not read: the connection ends, or the rest would be taken for the next request.
    const close = head.is_chunked || head.content_length > 0 || head.lengths_conflict;
    try {
      const tenant = this.admit(route, head, request);
      const path_values = readPathValues(names, request);
      const query = readQuery(route.query_names, request);
      void this.work(new ReadExchange(this.context, response, route, close), { tenant, path_values, query });
    } catch (error) {
      if (!(error instanceof OperatingError)) throw error;
      this.answer(response, route, { ...this.refusal(route, error), close });
    }
  }

  /** Whose the request is. Throws what speaks against it. */
  private admit(route: ReadRoute, head: RequestHead, request: HttpRequest): Tenant {
    if (this.context.isClosing()) throw new OperatingError('shutting_down');
    if (head.lengths_conflict) throw new OperatingError('bad_request');
    const presented = head.credential(route.credentials, request);
    const tenants = route.key_uses.map((use) => this.context.lookupKey(presented, use));
    const tenant = route.key_uses.length === 0 ? ANYONE : tenants.find((found) => found !== undefined);
    if (tenant === undefined) throw new OperatingError('unauthorized');
    if (this.running >= READS_MAX) throw new OperatingError('overloaded');
    return tenant;
  }

  private async work(exchange: ReadExchange, request: Parameters<ReadExchange['run']>[0]): Promise<void> {
    this.running++;
    await exchange.run(request);
    this.running--;
  }

  private refuseMethod(response: HttpResponse, request: HttpRequest, route: ReadRoute): void {
    const { status, body } = this.refusal(route, new OperatingError('method_not_allowed'));
    // The answer to HEAD has no body; and what a POST sends is not read.
    const is_head = request.getMethod() === 'head';
    this.answer(response, route, { status, body: is_head ? '' : body, headers: { Allow: 'GET' }, close: true });
  }

  private refusal(route: ReadRoute, error: OperatingError): Answer {
    return errorAnswer(route.error_shape, error.code, error.context, this.context.retryAfterSeconds(error.code));
  }

  /** Answers within the request's own handler. */
  private answer(response: HttpResponse, route: ReadRoute, answer: Answer): void {
    this.context.write(response, answer);
    this.context.answered(route.path, answer.status, 0);
  }
}

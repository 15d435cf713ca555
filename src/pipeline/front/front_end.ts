/**
 * The public listener: uWebSockets.js on the main thread. It knows routes, keys and limits, and nothing of events.
 *
 * Stopping: no new connections, every answer closes its connection, and `close` resolves when the last one is given.
 */
import type { ErrorCode, ErrorContext } from '../../contract/errors.ts';
import { MEDIA, type Media } from '../../contract/format.ts';
import type { Route, Source } from '../../contract/source.ts';
import type { Tenant } from '../../contract/tenant.ts';
import { HELD_BODY_BYTES_MAX } from '../../contract/upload.ts';
import { AddressPlaces } from './address_places.ts';
import { type Answer, AnswerWriter, errorAnswer, rateAnswer } from './answers.ts';
import { ByteBudget } from './byte_budget.ts';
import { TrustedProxies } from './client_address.ts';
import { Cors, type RouteTable } from './cors.ts';
import type { HttpApp, HttpRequest, HttpResponse } from './engine.ts';
import type { FrontLimits, FrontPorts } from './front_ports.ts';
import { HELD_CODES, HeldRefusals } from './held_refusals.ts';
import type { IngestContext } from './ingest_context.ts';
import { IngestRequest, type RoutePlace } from './ingest_request.ts';
import { Listener } from './listener.ts';
import { ReadRoutes } from './read_routes.ts';
import { answerRefused, DRAINED_BYTES_MAX } from './refused_body.ts';
import { refusalContext } from './request_format.ts';
import { RequestHead } from './request_head.ts';
import { RetryAdvice } from './retry_advice.ts';
import { Streams } from './stream/streams.ts';
import { TurnClock } from './turn_clock.ts';
import { WorkInHand } from './work_in_hand.ts';

const HEALTH_PATHS = ['/livez', '/readyz'];
/** A batch may be lines or MessagePack as well; one event is one JSON object. */
export const MEDIA_TAKEN: Readonly<Record<Source['kind'], readonly Media[]>> = { batch: MEDIA, single: ['json'] };
/** Route label of requests that match none. */
const NO_ROUTE = 'none';

export class FrontEnd {
  readonly budget: ByteBudget;
  readonly streams: Streams;
  private limits: FrontLimits;
  private readonly listener: Listener;
  private readonly cors: Cors;
  private readonly places: AddressPlaces;
  private readonly turn: TurnClock;
  private readonly work = new WorkInHand({ turnMs: () => this.turn.lengthMs() });
  private proxies: TrustedProxies;
  private readonly writer: AnswerWriter;
  private readonly context: IngestContext;
  /** Of the routes whose errors are `{"detail"}`. */
  private readonly detail_paths: readonly string[];
  private readonly reads: ReadRoutes;
  private readonly retry_advice: RetryAdvice;
  private readonly held_refusals: HeldRefusals<HttpResponse>;
  private requests_in_flight = 0;
  private is_closing = false;
  private resolve_idle: (() => void) | undefined;

  constructor(
    private readonly ports: FrontPorts,
    private readonly sources: readonly Source[],
    limits: FrontLimits,
  ) {
    this.limits = limits;
    this.turn = new TurnClock(ports.clock);
    this.places = new AddressPlaces(limits.connections_per_address_max);
    this.proxies = new TrustedProxies(limits.trusted_proxies);
    this.cors = new Cors(limits.cors_origins);
    this.writer = new AnswerWriter(this.cors);
    this.budget = new ByteBudget(limits.bytes_in_flight_max);
    this.retry_advice = new RetryAdvice({ ...ports, bytesInFlight: () => this.budget.used() });
    this.context = this.createContext();
    this.held_refusals = new HeldRefusals(this.context);
    this.detail_paths = [...sources.flatMap(({ routes }) => routes), ...ports.read_routes]
      .filter(({ error_shape }) => error_shape === 'detail')
      .map(({ path }) => path.split('/:', 1)[0]);
    this.streams = this.createStreams();
    this.reads = this.createReads();
    this.listener = new Listener(ports, (app) => this.mount(app), limits.tls);
  }

  /** Resolves to the port; rejects with `port_in_use` and `certificate_unusable`. Two daemons never share a port. */
  listen(host: string, port: number): Promise<number> {
    return this.listener.listen(host, port);
  }

  /** Takes up a changed certificate; whether it has changed. Rejects with `certificate_unusable`, and then the last one stays. */
  renewCertificate(): Promise<boolean> {
    return this.listener.renew();
  }

  /** Stops listening and resolves when every request in hand is answered, or at the deadline. */
  async close(deadline_ms: number): Promise<void> {
    this.is_closing = true;
    this.writer.endConnections();
    this.listener.stopListening();
    this.streams.drain();
    this.held_refusals.end();
    if (this.requests_in_flight > 0) {
      await new Promise<void>((resolve) => {
        this.resolve_idle = resolve;
        this.ports.clock.schedule(deadline_ms, resolve);
      });
    }
    await this.streams.end();
    this.listener.close();
  }

  /** Puts other limits into force for the requests that come. */
  setLimits(limits: FrontLimits): void {
    this.limits = limits;
    this.budget.setBytesMax(limits.bytes_in_flight_max);
    this.cors.setOrigins(limits.cors_origins);
    this.places.setPlacesMax(limits.connections_per_address_max);
    this.proxies = new TrustedProxies(limits.trusted_proxies);
    this.streams.setSettings(limits);
  }

  inFlight(): number {
    return this.requests_in_flight;
  }

  private createContext(): IngestContext {
    return {
      clock: this.ports.clock,
      budget: this.budget,
      places: this.places,
      work: this.work,
      turn: this.turn,
      bodyBytesMax: (place) => this.bodyBytesMax(place),
      submit: this.ports.submit,
      beginUpload: this.ports.beginUpload,
      write: (response, answer) => this.writer.write(response, answer),
      hold: (response, answer) => this.held_refusals.hold(response, answer),
      writeWithin: (response, answer) => this.writer.writeWithin(response, answer),
      answered: (route, status, duration_ms, body_bytes) => {
        if (status !== 503) this.retry_advice.answered(Math.min(body_bytes, HELD_BODY_BYTES_MAX));
        this.ports.observer.requestAnswered(route.path, status, duration_ms, body_bytes);
      },
      inFlight: (change) => this.countInFlight(change),
      retryAfterSeconds: (code) => this.retry_advice.seconds(code),
    };
  }

  private createStreams(): Streams {
    const { ports, context } = this;
    return new Streams(
      {
        ...context,
        answered: (path, status) => ports.observer.requestAnswered(path, status, 0, 0),
        workedOff: (bytes) => this.retry_advice.answered(bytes),
        lookupKey: (presented, use) => ports.lookupKey(presented, use),
        meterOf: (key_id) => ports.meterOf(key_id),
        isClosing: () => this.is_closing,
        observer: ports.observer.stream,
      },
      this.limits,
    );
  }

  private mount(http_app: HttpApp): void {
    const app = this.cors.watching(http_app);
    for (const [source, { routes, kind, uses_reserve = false }] of this.sources.entries()) {
      for (const [index, route] of routes.entries())
        this.addRoute(app, { route, source, index, media: MEDIA_TAKEN[kind], takes_uploads: kind === 'batch', uses_reserve });
      for (const [index, route] of routes.entries())
        if (route.stream !== undefined) this.streams.mount(http_app, { route, stream: route.stream, source, index });
    }
    for (const route of this.ports.read_routes) this.reads.mount(app, route);
    for (const path of HEALTH_PATHS) app.get(path, (response) => this.answerHealth(response, path));
    app.any('/*', (response, request) => this.answerUnknown(response, request.getUrl()));
  }

  private addRoute(app: RouteTable, place: RoutePlace): void {
    const { route } = place;
    app.post(route.path, (response, request) => this.receive(response, request, place));
    app.any(route.path, (response) => {
      const answer = this.error(route.error_shape, 'method_not_allowed');
      this.answerEarly(response, route.path, { ...answer, headers: { Allow: 'POST' } });
    });
  }

  private createReads(): ReadRoutes {
    const { ports, context } = this;
    return new ReadRoutes({
      ...context,
      answered: (path, status, duration_ms) => ports.observer.requestAnswered(path, status, duration_ms, 0),
      failed: (path, error) => ports.observer.readFailed(path, error),
      lookupKey: (presented, use) => ports.lookupKey(presented, use),
      isClosing: () => this.is_closing,
    });
  }

  private receive(response: HttpResponse, request: HttpRequest, place: RoutePlace): void {
    const { route } = place;
    const head = new RequestHead(request);
    const caller = this.ports.lookupKey(head.credential(route.credentials, request), route.key_use);
    const problem = this.problem(head, caller, place);
    const meter = problem === undefined && caller !== undefined ? this.ports.meterOf(caller.key_id) : undefined;
    const refusal = meter?.refusal();
    if (problem === undefined && caller !== undefined && refusal === undefined) {
      const address = this.places.isLimited() && !place.uses_reserve ? this.addressOf(response, head) : '';
      if (address === '' || this.places.take(address)) {
        new IngestRequest(this.context, response, place, caller, head, meter, address);
        return;
      }
    }
    const answer =
      refusal === undefined
        ? this.error(
            route.error_shape,
            problem ?? (caller === undefined ? 'unauthorized' : 'too_many_connections'),
            refusalContext(problem, place.media, this.bodyBytesMax(place)),
          )
        : rateAnswer(route.error_shape, refusal);
    // Only where the engine passes over the whole body meanwhile.
    const may_wait = HELD_CODES.has(problem) && !head.is_chunked && head.content_length <= DRAINED_BYTES_MAX;
    if (!may_wait || !this.context.hold(response, answer)) answerRefused(response, head, problem, answer, this.context);
    this.ports.observer.requestAnswered(route.path, answer.status, 0, 0);
  }

  private addressOf(response: HttpResponse, head: RequestHead): string {
    return this.proxies.clientOf(Buffer.from(response.getRemoteAddressAsText()).toString('latin1'), head.forwarded_for);
  }

  private bodyBytesMax({ route, takes_uploads }: RoutePlace): number {
    const route_bytes_max = route.body_bytes_max ?? (takes_uploads ? Number.POSITIVE_INFINITY : HELD_BODY_BYTES_MAX);
    return Math.min(this.limits.body_bytes_max, route_bytes_max);
  }

  private problem(head: RequestHead, tenant: Tenant | undefined, place: RoutePlace): ErrorCode | undefined {
    if (this.is_closing) return 'shutting_down';
    if (head.lengths_conflict) return 'bad_request';
    if (tenant === undefined) return 'unauthorized';
    const problem = head.problem(this.bodyBytesMax(place), place.media);
    // Those who send batches can wait; pipelines and webhooks are few, and are in a hurry.
    const is_refused = problem === undefined && place.takes_uploads && this.work.isEnough();
    return is_refused ? 'overloaded' : problem;
  }

  /** Answers within the request's own handler. */
  private answerEarly(response: HttpResponse, path: string, answer: Answer): void {
    this.context.writeWithin(response, answer);
    this.ports.observer.requestAnswered(path, answer.status, 0, 0);
  }

  /** What lies beneath an address whose clients read `{"detail"}` is answered as they can read it. */
  private answerUnknown(response: HttpResponse, url: string): void {
    const is_beneath = this.detail_paths.some((path) => url.startsWith(path));
    this.answerEarly(response, NO_ROUTE, this.error(is_beneath ? 'detail' : 'code', 'not_found'));
  }

  private answerHealth(response: HttpResponse, path: string): void {
    this.answerEarly(response, path, this.ports.health(path) ?? this.error('code', 'not_found'));
  }

  private error(shape: Route['error_shape'], code: ErrorCode, context?: ErrorContext): Answer {
    return errorAnswer(shape, code, context, this.retry_advice.seconds(code));
  }

  private countInFlight(change: 1 | -1): void {
    this.requests_in_flight += change;
    if (this.requests_in_flight === 0) this.resolve_idle?.();
  }
}

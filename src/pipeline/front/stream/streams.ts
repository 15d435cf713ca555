/**
 * The stream's connections: who may open one, and how uWebSockets.js and `StreamSession` meet.
 *
 * The key is checked before the upgrade, so that a refusal is a plain HTTP answer. uWebSockets.js keeps a message in memory until it is
 * whole, sends pings, and cuts off what breaks the protocol (text that is not UTF-8) without a close frame. A message
 * of some more than the limit is let through to be refused by name; one of much more is cut off too. `maxLifetime` stays unset: builds
 * before March 2026 disconnect at once with it.
 */
import type { us_socket_context_t, WebSocket } from 'uws-compatible';
import { type ErrorCode, type ErrorContext, OperatingError } from '../../../contract/errors.ts';
import type { Clock } from '../../../contract/ports.ts';
import type { Meter } from '../../../contract/rate.ts';
import type { Route, StreamPlace } from '../../../contract/source.ts';
import type { Identity } from '../../../contract/tenant.ts';
import { type Answer, errorAnswer } from '../answers.ts';
import type { HttpApp, HttpRequest, HttpResponse } from '../engine.ts';
import { RequestHead } from '../request_head.ts';
import { SessionBook } from './resume.ts';
import { CLOSE, type SessionContext, type SessionOwner, StreamSession, type StreamSocket } from './session.ts';

/** What the front end gives to its streams. */
export interface StreamsContext extends Omit<SessionContext, 'settled' | 'limits' | 'retryAfterMs'> {
  readonly clock: Clock;
  write(response: HttpResponse, answer: Answer): void;
  answered(path: string, status: number): void;
  retryAfterSeconds(code: ErrorCode): number;
  meterOf(key_id: string): Meter | undefined;
  isClosing(): boolean;
  readonly observer: StreamObserver;
}

export interface StreamObserver {
  messageSettled(fate: string): void;
  /** A connection ended, with this code of the protocol (1006 when it was cut off). */
  connectionEnded(code: number): void;
}

export interface StreamSettings {
  readonly body_bytes_max: number;
  readonly stream_connections_max: number;
  readonly stream_message_bytes_max: number;
  readonly stream_window_messages: number;
  readonly stream_window_bytes: number;
  readonly stream_idle_ms_max: number;
}

/** Where a stream is, and what its messages are bodies of. */
export interface StreamRoute {
  readonly route: Route;
  readonly stream: StreamPlace;
  readonly source: number;
  readonly index: number;
}

/** What travels with a connection from its upgrade to its end. */
interface Connection {
  readonly owner: SessionOwner;
  session: StreamSession | undefined;
  socket: UwsSocket | undefined;
}

/** A message that is this much too large is refused by name. */
const OVERSIZE_BYTES = 64 * 1024;
/** Answers that a client does not read, until its connection is cut off. */
const UNREAD_BYTES_MAX = 512 * 1024;
const IDLE_STEP_S = 4;
/** How long clients have, at a shutdown, to take the close frame. */
const CLOSE_MS_MAX = 1000;
/** Some 250 bytes each. */
const ANSWERS_REMEMBERED_MAX = 100_000;
const SESSION_MS_MAX = 10 * 60_000;
const SESSION_NAME = /^[A-Za-z0-9_-]{1,64}$/;
const VERSION = '13';

/** A connection of uWebSockets.js, which must not be touched once it is closed. */
class UwsSocket implements StreamSocket {
  private connection: WebSocket<Connection> | undefined;

  constructor(connection: WebSocket<Connection>) {
    this.connection = connection;
  }

  send(messages: readonly string[]): void {
    // A client that does not read is closed by a send, in the midst of them.
    this.connection?.cork(() => {
      for (const message of messages) this.connection?.send(message);
    });
  }

  end(code: number, reason: string): void {
    const { connection } = this;
    this.connection = undefined;
    connection?.end(code, reason);
  }

  lost(): void {
    this.connection = undefined;
  }
}

export class Streams {
  private readonly connections = new Set<Connection>();
  private readonly book: SessionBook;
  private readonly session_context: SessionContext;
  private resolve_empty: (() => void) | undefined;

  constructor(
    private readonly context: StreamsContext,
    private settings: StreamSettings,
  ) {
    const { stream_window_messages: window_messages, stream_window_bytes: window_bytes } = settings;
    this.book = new SessionBook(context.clock, {
      answers_max: window_messages,
      answers_in_all_max: ANSWERS_REMEMBERED_MAX,
      age_ms_max: SESSION_MS_MAX,
    });
    this.session_context = {
      ...context,
      limits: () => ({ message_bytes_max: this.messageBytesMax(), window_messages, window_bytes }),
      retryAfterMs: (code) => context.retryAfterSeconds(code) * 1000,
      settled: (fate) => context.observer.messageSettled(fate),
    };
  }

  mount(app: HttpApp, place: StreamRoute): void {
    const { path } = place.stream;
    const { stream_idle_ms_max, stream_message_bytes_max } = this.settings;
    app.ws<Connection>(path, {
      maxPayloadLength: stream_message_bytes_max + OVERSIZE_BYTES,
      idleTimeout: Math.round(stream_idle_ms_max / 1000 / IDLE_STEP_S) * IDLE_STEP_S,
      sendPingsAutomatically: true,
      maxBackpressure: UNREAD_BYTES_MAX,
      closeOnBackpressureLimit: true,
      upgrade: (response, request, socket_context) => this.upgrade(response, request, socket_context, place),
      open: (socket) => this.open(socket),
      message: (socket, message, is_binary) => socket.getUserData().session?.receive(Buffer.from(message), is_binary),
      close: (socket, code) => this.close(socket.getUserData(), code),
    });
    app.any(path, (response, request) => this.refuseOther(response, request, place));
  }

  /** Puts other limits into force for the messages that come. */
  setSettings(settings: StreamSettings): void {
    this.settings = settings;
  }

  count(): number {
    return this.connections.size;
  }

  /** Asks every client to come back elsewhere or later, each when its messages in hand are answered. */
  drain(): void {
    for (const { session } of [...this.connections]) session?.drain();
  }

  /** Ends the connections that are left, and resolves when clients have taken their close frames, or after a second. */
  async end(): Promise<void> {
    for (const { session } of [...this.connections]) session?.end(CLOSE.service_restart, 'restarting');
    if (this.connections.size === 0) return;
    await new Promise<void>((resolve) => {
      this.resolve_empty = resolve;
      this.context.clock.schedule(CLOSE_MS_MAX, resolve);
    });
  }

  private messageBytesMax(): number {
    return Math.min(this.settings.stream_message_bytes_max, this.settings.body_bytes_max);
  }

  private upgrade(response: HttpResponse, request: HttpRequest, socket_context: us_socket_context_t, place: StreamRoute): void {
    const head = new RequestHead(request);
    const presented_key = head.credential(place.stream.credentials, request);
    try {
      const tenant = this.admit(head, request, presented_key, place);
      const connection = { owner: this.owner(request, tenant, presented_key, place), session: undefined, socket: undefined };
      const key = request.getHeader('sec-websocket-key');
      this.context.answered(place.stream.path, 101);
      // No protocol is chosen and no extension: compression would cost each connection a window of memory.
      response.upgrade<Connection>(connection, key, '', '', socket_context);
    } catch (error) {
      if (!(error instanceof OperatingError)) throw error;
      this.refuse(response, place, error);
    }
  }

  /** Whose the connection will be. Throws what speaks against it, in the order in which a client should learn it. */
  private admit(head: RequestHead, request: HttpRequest, presented_key: string, place: StreamRoute): Identity {
    if (head.lengths_conflict || head.is_chunked || head.content_length > 0) throw new OperatingError('bad_request');
    const is_websocket = request.getHeader('upgrade').toLowerCase() === 'websocket';
    if (!is_websocket || request.getHeader('sec-websocket-version') !== VERSION) throw upgradeRequired(place);
    const tenant = this.context.lookupKey(presented_key, place.route.key_use);
    if (tenant === undefined) throw new OperatingError('unauthorized');
    if (this.context.isClosing()) throw new OperatingError('shutting_down');
    if (this.connections.size >= this.settings.stream_connections_max) throw new OperatingError('overloaded');
    return tenant;
  }

  private owner(request: HttpRequest, tenant: Identity, presented_key: string, place: StreamRoute): SessionOwner {
    const name = request.getQuery('session');
    if (name !== undefined && !SESSION_NAME.test(name)) {
      const problem = 'it must be 1 to 64 letters, digits, "-" and "_"';
      throw new OperatingError('parameter_invalid', { parameter: 'session', problem });
    }
    return {
      tenant,
      presented_key,
      key_use: place.route.key_use,
      source: place.source,
      route: place.index,
      meter: () => this.context.meterOf(tenant.key_id),
      memory: name === undefined ? undefined : this.book.open(tenant, name),
      wants_hello: request.getQuery('hello') === '1',
    };
  }

  private open(connection: WebSocket<Connection>): void {
    const data = connection.getUserData();
    data.socket = new UwsSocket(connection);
    data.session = new StreamSession(this.session_context, data.socket, data.owner);
    this.connections.add(data);
  }

  private close(connection: Connection, code: number): void {
    connection.socket?.lost();
    connection.session?.lost();
    this.connections.delete(connection);
    this.context.observer.connectionEnded(code);
    if (this.connections.size === 0) this.resolve_empty?.();
  }

  /** What is no upgrade: another method, or a GET of a client that speaks no WebSocket. */
  private refuseOther(response: HttpResponse, request: HttpRequest, place: StreamRoute): void {
    const is_get = request.getMethod() === 'get';
    this.refuse(response, place, is_get ? upgradeRequired(place) : new OperatingError('method_not_allowed'));
  }

  /** Answers within the request's own handler. */
  private refuse(response: HttpResponse, { route, stream }: StreamRoute, { code, context, status }: OperatingError): void {
    const answer = errorAnswer(route.error_shape, code, context, this.context.retryAfterSeconds(code));
    const headers = { ...answer.headers, ...REFUSAL_HEADERS[status] };
    this.context.write(response, { ...answer, headers, close: true });
    this.context.answered(stream.path, status);
  }
}

const REFUSAL_HEADERS: Readonly<Record<number, Readonly<Record<string, string>>>> = {
  405: { Allow: 'GET' },
  426: { Upgrade: 'websocket', Connection: 'Upgrade', 'Sec-WebSocket-Version': VERSION },
};

function upgradeRequired({ route }: StreamRoute): OperatingError {
  const context: ErrorContext = { instead: route.path };
  return new OperatingError('upgrade_required', context);
}

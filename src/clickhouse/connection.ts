/**
 * The connection to ClickHouse: where it is, who we are there, and the one way in which `@clickhouse/client` is set up.
 *
 * The password lives in a private field: logging or serialising an address shows who and where, never the secret.
 */
import { ClickHouseLogLevel, createClient } from '@clickhouse/client';
import { OperatingError } from '../contract/errors.ts';

export type ClickHouseClient = ReturnType<typeof createClient>;

/**
 * How long an idle socket is kept, milliseconds. Below the shortest keep-alive of a server that is in use (3 s, ClickHouse
 * Cloud and releases before 23.11), or a request is now and then written into a socket that is just being closed.
 */
const IDLE_SOCKET_TTL_MS = 2_500;

const ALLOWED = 'allowed is http(s)://user:password@host:8123, with special characters percent-encoded';

/** A ClickHouse server's address with its credentials. */
export class ServerAddress {
  /** Scheme, host, port and path, without credentials. */
  readonly url: string;
  readonly username: string;
  readonly #password: string;

  private constructor(url: string, username: string, password: string) {
    this.url = url;
    this.username = username;
    this.#password = password;
  }

  /**
   * Reads `http(s)://user:password@host:8123[/path]`; the user is `default` and the password empty where they are missing.
   *
   * @param setting where the text stands in the configuration, for the message
   * @throws OperatingError `config_invalid`, whose message does not repeat the text: it may hold a password
   */
  static parse(text: string, setting = 'clickhouse.url'): ServerAddress {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    if (url === undefined) throw invalidAddress(setting, 'what it holds (no URL)');
    if (url.protocol !== 'http:' && url.protocol !== 'https:') throw invalidAddress(setting, url.protocol);
    if (url.search !== '' || url.hash !== '') throw invalidAddress(setting, 'a query or fragment in it');
    try {
      const username = url.username === '' ? 'default' : decodeURIComponent(url.username);
      const path = url.pathname === '/' ? '' : url.pathname;
      return new ServerAddress(`${url.protocol}//${url.host}${path}`, username, decodeURIComponent(url.password));
    } catch {
      throw invalidAddress(setting, 'a malformed percent-encoding in its credentials');
    }
  }

  get password(): string {
    return this.#password;
  }

  /** For people: the address without the password. */
  toString(): string {
    return this.url.replace('://', `://${encodeURIComponent(this.username)}@`);
  }

  toJSON(): string {
    return this.toString();
  }
}

function invalidAddress(setting: string, value: string): OperatingError {
  return new OperatingError('config_invalid', { path: setting, value, allowed: ALLOWED });
}

export interface ConnectionOptions {
  readonly address: ServerAddress;
  /** Sockets at most. */
  readonly connections_max: number;
  /**
   * How long a socket may be silent before a request is given up, milliseconds. ClickHouse says nothing while it works, so
   * this bounds the time from the last byte sent to the answer; for an INSERT it is longer than the server's own limit
   * (`INSERT_EXECUTION_SECONDS_MAX` of sink.ts), so that a server that is alive answers first.
   */
  readonly request_timeout_ms: number;
}

/**
 * A client that never retries, never logs by itself and keeps its sockets honest.
 *
 * No database is set: statements name theirs, and the one that creates the database must run before there is any.
 */
export function createConnection(options: ConnectionOptions): ClickHouseClient {
  const location = new URL(options.address.url);
  return createClient({
    url: location.origin,
    ...(location.pathname === '/' ? {} : { pathname: location.pathname }),
    username: options.address.username,
    password: options.address.password,
    application: 'penstock',
    request_timeout: options.request_timeout_ms,
    max_open_connections: options.connections_max,
    keep_alive: { enabled: true, idle_socket_ttl: IDLE_SOCKET_TTL_MS, eagerly_destroy_stale_sockets: true },
    log: { level: ClickHouseLogLevel.OFF },
  });
}

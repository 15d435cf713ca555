/**
 * Loads uWebSockets.js: the newest of the installed builds that works with this Node and this C library.
 *
 * The builds are native modules, one per Node version: `uws-current` for recent Node and glibc, `uws-compatible` for older ones.
 * The wrapper of one can load the binary of the other, so that the version proves nothing: a build is taken when it can listen.
 */
import type { AppOptions, TemplatedApp, us_listen_socket } from 'uws-compatible';
import { OperatingError } from '../../contract/errors.ts';

export type { HttpRequest, HttpResponse, us_listen_socket } from 'uws-compatible';

/** The application as it is: the published types leave out `listen` with both a host and options. */
export interface HttpApp extends Omit<TemplatedApp, 'listen'> {
  listen(host: string, port: number, options: number, callback: (socket: us_listen_socket | false) => void): void;
}

/** What is used of uWebSockets.js. */
export interface HttpEngine {
  readonly LIBUS_LISTEN_EXCLUSIVE_PORT: number;
  readonly App: () => HttpApp;
  /** Throws when the certificate or its key cannot be used. */
  readonly SSLApp: (options: Pick<AppOptions, 'cert_file_name' | 'key_file_name'>) => HttpApp;
  readonly us_listen_socket_close: (socket: us_listen_socket) => void;
  readonly us_socket_local_port: (socket: us_listen_socket) => number;
}

const BUILDS = ['uws-current', 'uws-compatible'] as const;

function isHttpEngine(module: object): module is HttpEngine {
  return (
    'App' in module &&
    typeof module.App === 'function' &&
    'SSLApp' in module &&
    'us_listen_socket_close' in module &&
    'us_socket_local_port' in module &&
    'LIBUS_LISTEN_EXCLUSIVE_PORT' in module
  );
}

/** Listens on a free loopback port for a moment: what the rest of the program needs, tried. */
function canListen(engine: HttpEngine): boolean {
  const app = engine.App();
  let port = 0;
  app.listen('127.0.0.1', 0, engine.LIBUS_LISTEN_EXCLUSIVE_PORT, (socket) => {
    if (socket === false) return;
    port = engine.us_socket_local_port(socket);
    engine.us_listen_socket_close(socket);
  });
  return port > 0;
}

/** The loader puts its own advice first and the reason last. */
function lastLine(error: unknown): string {
  const lines = String(error instanceof Error ? error.message : error)
    .trim()
    .split('\n');
  return lines.at(-1)?.replace(/\.$/, '') ?? '';
}

/** Throws `http_engine_missing` when no build works. */
export async function loadHttpEngine(): Promise<HttpEngine> {
  const problems: string[] = [];
  for (const build of BUILDS) {
    try {
      const module: object = await import(build);
      if (isHttpEngine(module) && canListen(module)) return module;
      problems.push(`${build} cannot listen`);
    } catch (error) {
      problems.push(`${build}: ${lastLine(error)}`);
    }
  }
  throw new OperatingError('http_engine_missing', { node: process.version, reason: problems.join('; ') });
}

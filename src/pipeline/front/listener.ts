/**
 * The public port, and who speaks on it: owner of the listening sockets and of uWebSockets.js' applications.
 *
 * Without TLS there is one application for the life of the daemon. With TLS an application has one certificate for ever, so a renewal puts
 * another one on the same port before the one there stops listening; what is connected goes on as it was. The connections of the certificate
 * before the last end with the next renewal. (Handing accepted connections from one application to another, as uWebSockets.js offers, corrupts
 * its memory within seconds of clients that come and go.)
 */
import { readFile } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import { createSecureContext } from 'node:tls';
import { OperatingError } from '../../contract/errors.ts';
import type { HttpApp, HttpEngine, us_listen_socket } from './engine.ts';
import type { BoundReceiveBuffers } from './receive_buffers.ts';

/** Paths, absolute; both or none. */
export interface TlsFiles {
  readonly certificate_file: string | null;
  readonly key_file: string | null;
}

export interface ListenerPorts {
  readonly engine: HttpEngine;
  readonly boundReceiveBuffers: BoundReceiveBuffers;
}

/** Applications that still have connections: the present one, and the one before. */
const GENERATIONS_MAX = 2;
/** Of `listen`: the port may have several sockets, if each says so. */
const SHARED_PORT = 0;

/** Of the event loop: in each all that wait are accepted. */
const DRAINING_TURNS = 2;

interface Place {
  readonly host: string;
  readonly port: number;
}

export class Listener {
  /** The newest last. Kept, not dropped: the engine still touches an application's memory while its connections end. */
  private readonly apps: HttpApp[] = [];
  /** Of the newest. */
  private socket: us_listen_socket | undefined;
  private place: Place | undefined;
  /** What the newest was made of. */
  private certificate = '';

  /** @param mount puts the routes on an application */
  constructor(
    private readonly ports: ListenerPorts,
    private readonly mount: (app: HttpApp) => void,
    private readonly tls: TlsFiles,
  ) {
    if (tls.certificate_file !== null) return;
    const app = ports.engine.App();
    mount(app);
    this.apps.push(app);
  }

  /** Resolves to the port; rejects with `port_in_use` and `certificate_unusable`. Two daemons never share a port. */
  async listen(host: string, port: number): Promise<number> {
    const { engine, boundReceiveBuffers } = this.ports;
    const [plain] = this.apps;
    const socket = await listenOn(plain ?? engine.App(), { host, port }, engine.LIBUS_LISTEN_EXCLUSIVE_PORT);
    const own_port = engine.us_socket_local_port(socket);
    this.place = { host, port: own_port };
    if (plain !== undefined) {
      this.socket = socket;
      boundReceiveBuffers(own_port);
      return own_port;
    }
    // Nobody else has the port: from now on a second daemon finds it taken, though applications of this one share it.
    engine.us_listen_socket_close(socket);
    await this.renew();
    return own_port;
  }

  /**
   * Takes up the certificate from its files when they have changed, for connections from now on; whether they have. Rejects with
   * `certificate_unusable`, and then the last good one goes on.
   */
  async renew(): Promise<boolean> {
    const { certificate_file, key_file } = this.tls;
    if (certificate_file === null || key_file === null || this.place === undefined) return false;
    const certificate = await readPair(certificate_file, key_file);
    const { place } = this;
    if (certificate === this.certificate || place === undefined) return false;
    const app = this.createSecure(certificate_file, key_file);
    this.mount(app);
    const socket = await listenOn(app, place, SHARED_PORT);
    this.ports.boundReceiveBuffers(place.port);
    // Whoever waited to be accepted while the certificate was read is accepted first: a listening socket that closes resets them.
    for (let turn = 0; turn < DRAINING_TURNS; turn++) await setImmediate();
    this.closeSocket();
    this.socket = socket;
    this.certificate = certificate;
    this.apps.push(app);
    if (this.apps.length > GENERATIONS_MAX) this.apps.at(-1 - GENERATIONS_MAX)?.close();
    return true;
  }

  /** No connection comes in any more; those that are there go on. */
  stopListening(): void {
    this.place = undefined;
    this.closeSocket();
  }

  /** Ends every connection. */
  close(): void {
    this.stopListening();
    for (const app of this.apps.slice(-GENERATIONS_MAX)) app.close();
  }

  private closeSocket(): void {
    if (this.socket !== undefined) this.ports.engine.us_listen_socket_close(this.socket);
    this.socket = undefined;
  }

  private createSecure(certificate_file: string, key_file: string): HttpApp {
    try {
      return this.ports.engine.SSLApp({ cert_file_name: certificate_file, key_file_name: key_file });
    } catch (error) {
      throw unusable(certificate_file, error);
    }
  }
}

function listenOn(app: HttpApp, { host, port }: Place, options: number): Promise<us_listen_socket> {
  return new Promise((resolve, reject) => {
    app.listen(host, port, options, (socket) => {
      if (socket === false) reject(new OperatingError('port_in_use', { host, port, setting: 'http.port' }));
      else resolve(socket);
    });
  });
}

/** Both texts, checked: a key that belongs to the certificate. */
async function readPair(certificate_file: string, key_file: string): Promise<string> {
  try {
    const [cert, key] = await Promise.all([readFile(certificate_file, 'utf8'), readFile(key_file, 'utf8')]);
    createSecureContext({ cert, key });
    return `${cert}\n${key}`;
  } catch (error) {
    throw unusable(certificate_file, error);
  }
}

function unusable(path: string, error: unknown): OperatingError {
  const reason = error instanceof Error ? error.message : String(error);
  return new OperatingError('certificate_unusable', { path, reason }, { cause: error });
}

/**
 * The public port, and who speaks on it: owner of the listening socket and of uWebSockets.js' applications.
 *
 * Without TLS there is one application, which listens. With TLS the one that listens has no routes: it hands each accepted connection to
 * the application that has the certificate. So a certificate is renewed by putting another application in that place: the port is
 * never closed, and connections that are there go on as they were. Those of the certificate before the last end with the next renewal.
 */
import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import { assert } from '../../base/assert.ts';
import { OperatingError } from '../../contract/errors.ts';
import type { HttpApp, HttpEngine, us_listen_socket } from './engine.ts';

/** Paths, absolute; both or none. */
export interface TlsFiles {
  readonly certificate_file: string | null;
  readonly key_file: string | null;
}

/** Applications that still have connections: the present one, and the one before. */
const GENERATIONS_MAX = 2;

export class Listener {
  /** Accepts; without TLS it serves too. */
  private readonly door: HttpApp;
  /** With TLS: those who serve, the newest last. */
  private secure: HttpApp[] = [];
  private socket: us_listen_socket | undefined;
  /** What the newest was made of. */
  private certificate = '';

  /** @param mount puts the routes on an application */
  constructor(
    private readonly engine: HttpEngine,
    private readonly mount: (app: HttpApp) => void,
    private readonly tls: TlsFiles,
  ) {
    this.door = engine.App();
    if (tls.certificate_file === null) mount(this.door);
  }

  /** Resolves to the port; rejects with `port_in_use` and `certificate_unusable`. Two daemons never share a port. */
  async listen(host: string, port: number): Promise<number> {
    await this.renew();
    const { engine } = this;
    return await new Promise((resolve, reject) => {
      this.door.listen(host, port, engine.LIBUS_LISTEN_EXCLUSIVE_PORT, (socket) => {
        if (socket === false) {
          reject(new OperatingError('port_in_use', { host, port, setting: 'http.port' }));
          return;
        }
        this.socket = socket;
        resolve(engine.us_socket_local_port(socket));
      });
    });
  }

  /**
   * Takes up the certificate from its files when they have changed, for connections from now on; whether they have. Rejects with
   * `certificate_unusable`, and then the last good one goes on.
   */
  async renew(): Promise<boolean> {
    const { certificate_file, key_file } = this.tls;
    if (certificate_file === null || key_file === null) return false;
    const certificate = await readPair(certificate_file, key_file);
    if (certificate === this.certificate) return false;
    const app = this.createSecure(certificate_file, key_file);
    this.mount(app);
    const previous = this.secure.at(-1);
    this.door.addChildAppDescriptor(app.getDescriptor());
    if (previous !== undefined) this.door.removeChildAppDescriptor(previous.getDescriptor());
    this.certificate = certificate;
    this.secure.push(app);
    if (this.secure.length > GENERATIONS_MAX) this.secure.shift()?.close();
    return true;
  }

  /** No connection comes in any more; those that are there go on. */
  stopListening(): void {
    if (this.socket !== undefined) this.engine.us_listen_socket_close(this.socket);
    this.socket = undefined;
  }

  /** Ends every connection. */
  close(): void {
    assert(this.socket === undefined, 'BUG: a listener was closed while it listened');
    // Kept, not dropped: the engine still touches an application's memory while its connections end.
    for (const app of this.secure) app.close();
    this.door.close();
  }

  private createSecure(certificate_file: string, key_file: string): HttpApp {
    try {
      return this.engine.SSLApp({ cert_file_name: certificate_file, key_file_name: key_file });
    } catch (error) {
      throw unusable(certificate_file, error);
    }
  }
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

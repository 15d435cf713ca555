/** A TCP proxy that can cut a connection after what was asked has arrived and before the answer has: the worst moment. */
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Owner } from './daemon.ts';

export class CuttingProxy {
  /** How many of the next answers are lost, each with its connection. */
  cuts = 0;
  private readonly sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    readonly port: number,
  ) {}

  static async create(owner: Owner, target_port: number): Promise<CuttingProxy> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (typeof address !== 'object' || address === null) throw new Error('a listening socket has no port');
    const proxy = new CuttingProxy(server, address.port);
    server.on('connection', (client) => proxy.join(client, connect(target_port, '127.0.0.1')));
    owner.after(() => proxy.close());
    return proxy;
  }

  private join(client: Socket, target: Socket): void {
    for (const [socket, other] of [
      [client, target],
      [target, client],
    ] as const) {
      this.sockets.add(socket);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => {
        this.sockets.delete(socket);
        other.destroy();
      });
    }
    client.pipe(target);
    target.on('data', (chunk) => {
      if (this.cuts > 0) {
        this.cuts--;
        client.destroy();
      } else client.write(chunk);
    });
  }

  private async close(): Promise<void> {
    const closed = once(this.server, 'close');
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }
}

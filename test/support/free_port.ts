/**
 * Ports that nobody listens on, and that nobody else is given while this process lives, so that a daemon may take one later, leave it and
 * take it again.
 *
 * They are of a range from which the system takes none by itself. Between test processes the claim on TCP port N is UDP port N: the system
 * gives it to one process and takes it back when that ends, however it ends.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';

const HOST = '127.0.0.1';
const FIRST_PORT = 12_000;
/** Linux begins to give ports out at 32,768. */
const END_PORT = 32_000;

let next_port = FIRST_PORT + Math.floor(Math.random() * (END_PORT - FIRST_PORT));

export async function freePort(): Promise<number> {
  for (let tries = FIRST_PORT; tries < END_PORT; tries++) {
    const port = next_port;
    next_port = port + 1 < END_PORT ? port + 1 : FIRST_PORT;
    if ((await claim(port)) && (await isFree(port))) return port;
  }
  throw new Error(`no port from ${FIRST_PORT} to ${END_PORT} is free`);
}

async function claim(port: number): Promise<boolean> {
  const socket = createSocket('udp4').unref();
  socket.bind({ port, address: HOST, exclusive: true });
  try {
    await once(socket, 'listening');
    return true;
  } catch {
    socket.close();
    return false;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen({ port, host: HOST, exclusive: true });
  try {
    await once(server, 'listening');
    server.close();
    await once(server, 'close');
    return true;
  } catch {
    return false;
  }
}

/** Bytes over a socket, for requests that no client library would send. */
import { once } from 'node:events';
import { connect } from 'node:net';

/** Sends the parts one after the other and resolves to everything that came back until the server closed, or `until_text` came. */
export async function exchange(port: number, parts: readonly (string | Uint8Array)[], until_text?: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  let answer = '';
  const ended = new Promise<void>((resolve) => {
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1');
      if (until_text !== undefined && answer.includes(until_text)) resolve();
    });
    socket.on('close', () => resolve());
    socket.on('error', () => resolve());
  });
  await once(socket, 'connect');
  for (const part of parts) socket.write(part);
  await ended;
  socket.destroy();
  return answer;
}

/**
 * The floor that the daemon is measured against: uWebSockets.js alone, which reads a body to its end and answers 202.
 *
 * `node raw.js BATCH_EVENTS`: every answer claims that so many events were accepted, since nothing here looks into a body.
 * Prints `{"port":n}` once it listens on a free loopback port, and ends when its standard input does, so that it never
 * outlives the bench that started it.
 */
import { loadHttpEngine } from '../../src/pipeline/front/engine.ts';

const engine = await loadHttpEngine();
const answer = JSON.stringify({ accepted: Number(process.argv[2]), rejected: 0 });

engine
  .App()
  .post('/api/deploy/report', (response) => {
    response.onAborted(() => undefined);
    response.onData((_chunk, is_last) => {
      if (!is_last) return;
      response.cork(() => {
        response.writeStatus('202 Accepted').writeHeader('content-type', 'application/json').end(answer);
      });
    });
  })
  .listen('127.0.0.1', 0, (socket) => {
    if (socket === false) throw new Error('the raw peer found no free port on 127.0.0.1');
    process.stdout.write(`${JSON.stringify({ port: engine.us_socket_local_port(socket) })}\n`);
  });

process.stdin.on('end', () => process.exit(0)).resume();

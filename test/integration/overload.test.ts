/** More batches at once than are worked off soon: some are taken, the others are told to come back before their bodies are looked at. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { HOLD_MS } from '../../src/pipeline/front/held_refusals.ts';
import { DaemonHome } from '../support/daemon.ts';
import { until } from '../support/until.ts';

const CONNECTIONS = 1000;
const BATCH_EVENTS = 100;
const ANSWERS_MS_MAX = 30_000;

test('of a crowd some are acknowledged and the others told when to come back, pipelines are taken, and who comes back is acknowledged', async (context) => {
  const home = await DaemonHome.create(context, { PENSTOCK_CLICKHOUSE__URL: 'http://127.0.0.1:1' });
  const key = await home.createKey('deploy');
  const pipeline_key = await home.createKey('events');
  const daemon = await home.start();
  const event = { event_type: 'apply_success', release_id: 'rel_1', metadata: 'x'.repeat(200) };
  const request = (device: number): string => {
    const events = Array.from({ length: BATCH_EVENTS }, (_, index) => ({ ...event, distinct_id: `${device}-${index}` }));
    const body = JSON.stringify({ events });
    return `POST /api/deploy/report HTTP/1.1\r\nHost: h\r\nx-api-key: ${key}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  };
  const sockets: Socket[] = [];
  const answers = new Map<number, string>();
  const answered_ms = new Map<number, number>();
  for (let device = 0; device < CONNECTIONS; device++) {
    const socket = connect({ port: home.http_port, host: '127.0.0.1', noDelay: true });
    await once(socket, 'connect');
    socket.on('data', (bytes) => {
      answers.set(device, String(bytes));
      answered_ms.set(device, performance.now());
    });
    sockets.push(socket);
  }
  context.after(() => sockets.forEach((socket) => void socket.destroy()));
  const requests = sockets.map((_, device) => request(device));
  const sent_ms = performance.now();
  for (const [device, socket] of sockets.entries()) socket.write(requests[device]);
  const release = { product_name: 'p', version: '1', status: 'success', environment_name: 'e' };
  const taken = daemon.post('/deployment-events/', JSON.stringify(release), { authorization: `Bearer ${pipeline_key}` });
  await until('all are answered', ANSWERS_MS_MAX, () => answers.size === CONNECTIONS);
  const refused = [...answers].filter(([, answer]) => answer.startsWith('HTTP/1.1 503'));
  const acknowledged = [...answers].filter(([, answer]) => answer.startsWith('HTTP/1.1 202'));
  assert.equal((await taken).status, 200);
  assert.equal(refused.length + acknowledged.length, CONNECTIONS);
  assert.ok(refused.length > 0 && acknowledged.length > 100, `${acknowledged.length} of ${CONNECTIONS} were acknowledged`);
  for (const [, answer] of refused) assert.match(answer, /\r\nRetry-After: [1-9]\d?\r\n[\s\S]*"error":"overloaded"/);
  // A refusal waits, so that who does not obey is not back at once.
  for (const [device] of refused) assert.ok((answered_ms.get(device) ?? 0) - sent_ms >= HOLD_MS);
  // The body of a refused request was passed over, and its connection goes on.
  const [first] = refused[0];
  sockets[first].write(request(first));
  await until('who comes back is acknowledged', ANSWERS_MS_MAX, () => answers.get(first)?.startsWith('HTTP/1.1 202') ?? false);
  const ledger: { accepted: number } = JSON.parse(await (await fetch(daemon.adminUrl('/ledger'))).text());
  assert.equal(ledger.accepted, (acknowledged.length + 1) * BATCH_EVENTS + 1);
});

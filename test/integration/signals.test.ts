/** What an operator does to a running daemon: reload, stop, stop again. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { DaemonHome } from '../support/daemon.ts';
import { until } from '../support/until.ts';

const REPORT = JSON.stringify({ events: [{ event_type: 'rollback', release_id: 'r', distinct_id: 'd' }] });

test('SIGHUP puts limits into force and says what needs a restart', async (context) => {
  const home = await DaemonHome.create(context);
  const file = join(dirname(home.data_dir), 'penstock.yaml');
  await writeFile(file, 'http:\n  body_bytes_max: 1 MiB\n');
  const key = await home.createKey('deploy');
  const daemon = await home.start({ PENSTOCK_CONFIG: file });
  const status = async (): Promise<number> => (await daemon.post('/api/deploy/report', REPORT.padEnd(5000), { 'x-api-key': key })).status;
  assert.equal(await status(), 202);
  await writeFile(file, 'http:\n  body_bytes_max: 2000\n  event_bytes_max: 1024\nspool:\n  ack: memory\n');
  daemon.child.kill('SIGHUP');
  await until('the reload is reported', 5_000, () => daemon.stderr.includes('Configuration read again'));
  assert.match(daemon.stderr, /http\.body_bytes_max.*changed.*spool\.ack.*next start/);
  assert.equal(await status(), 413);
  await writeFile(file, 'http:\n  body_bytes_max: nonsense\n');
  daemon.child.kill('SIGHUP');
  await until('the mistake is reported', 5_000, () => /nothing changes.*body_bytes_max/.test(daemon.stderr));
  assert.equal(await status(), 413);
});

test('SIGTERM answers what is in flight, refuses what comes, and exits 0', async (context) => {
  const home = await DaemonHome.create(context);
  const key = await home.createKey('deploy');
  const daemon = await home.start();
  const socket = connect(home.http_port, '127.0.0.1');
  context.after(async () => void socket.destroy());
  let answer = '';
  socket.on('data', (chunk) => (answer += String(chunk)));
  const head = `POST /api/deploy/report HTTP/1.1\r\nHost: h\r\nx-api-key: ${key}\r\nContent-Length: ${REPORT.length}\r\n\r\n`;
  socket.write(head + REPORT.slice(0, 10));
  await until('the request is in flight', 5_000, async () =>
    /^penstock_http_requests_in_flight 1$/m.test(await (await fetch(daemon.adminUrl('/metrics'))).text()),
  );
  const closed = once(socket, 'close');
  const stopped = daemon.stop('SIGTERM');
  await until('nobody listens any more', 5_000, async () =>
    fetch(daemon.url('/livez'), { headers: { Connection: 'close' } }).then(
      () => false,
      () => true,
    ),
  );
  socket.write(REPORT.slice(10));
  await closed;
  assert.match(answer, /^HTTP\/1\.1 202 /);
  assert.match(answer, /Connection: close/i);
  assert.equal(await stopped, 0);
  const again = await home.start();
  assert.equal(await again.count('deploy_events'), 1);
});

test('Ctrl-C ends it within twenty seconds, and its engine with it', async (context) => {
  const home = await DaemonHome.create(context);
  const daemon = await home.start();
  const pid = Number(/"pid":(\d+),"event":"clickhouse_engine_ready"/.exec(daemon.stdout)?.[1]);
  const started_ms = performance.now();
  assert.equal(await daemon.stop('SIGINT'), 0);
  assert.ok(performance.now() - started_ms < 20_000);
  assert.throws(() => process.kill(pid, 0), /ESRCH/);
});

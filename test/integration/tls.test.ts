/** The public listener over TLS: its certificate is renewed while requests go on. */
import assert from 'node:assert/strict';
import { copyFile, writeFile } from 'node:fs/promises';
import { Agent, request } from 'node:https';
import { connect as connectPlain } from 'node:net';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { connect, TLSSocket } from 'node:tls';
import { makeCertificate, type Pair } from '../support/certificate.ts';
import { DaemonHome, type RunningDaemon } from '../support/daemon.ts';
import { until } from '../support/until.ts';

const REPORT = JSON.stringify({ events: [{ event_type: 'rollback', release_id: 'r', distinct_id: 'd' }] });

/** Puts a pair where the daemon reads its own from. */
async function install(from: Pair, to: Pair): Promise<void> {
  await copyFile(from.certificate, to.certificate);
  await copyFile(from.key, to.key);
}

/** The serial number that a new connection is shown. */
function serial(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false }, () => {
      resolve(socket.getPeerCertificate().serialNumber);
      socket.destroy();
    });
    socket.on('error', reject);
  });
}

/** One report over the agent's connection; its status and the serial number of the certificate that it went under. */
function post(agent: Agent, port: number, key: string): Promise<{ status: number | undefined; serial: string | undefined }> {
  return new Promise((resolve, reject) => {
    const headers = { 'x-api-key': key, 'Content-Length': REPORT.length };
    const sent = request({ agent, port, host: '127.0.0.1', method: 'POST', path: '/api/deploy/report', headers }, (answer) => {
      const { socket, statusCode: status } = answer;
      const certificate = socket instanceof TLSSocket ? socket.getPeerCertificate().serialNumber : undefined;
      answer.resume().on('end', () => resolve({ status, serial: certificate }));
    });
    sent.on('error', reject).end(REPORT);
  });
}

async function readyByAdmin(daemon: RunningDaemon): Promise<void> {
  await until('the daemon is ready', 30_000, async () => (await fetch(daemon.adminUrl('/readyz')).catch(() => undefined))?.ok === true);
}

test('a SIGHUP takes up a renewed certificate, and no request of a connection that is there is lost over it', async (context) => {
  const home = await DaemonHome.create(context);
  const directory = dirname(home.data_dir);
  const files = { certificate: join(directory, 'server.crt'), key: join(directory, 'server.key') };
  const [first, second] = await Promise.all([makeCertificate(directory, 'first'), makeCertificate(directory, 'second')]);
  await install(first, files);
  const key = await home.createKey('deploy');
  const daemon = home.launch({ PENSTOCK_HTTP__TLS__CERTIFICATE_FILE: files.certificate, PENSTOCK_HTTP__TLS__KEY_FILE: files.key });
  await readyByAdmin(daemon);
  const port = home.http_port;
  const before = await serial(port);
  const agents = [1, 2].map(() => new Agent({ keepAlive: true, maxSockets: 1, rejectUnauthorized: false, maxCachedSessions: 0 }));
  const fresh = new Agent({ keepAlive: false, rejectUnauthorized: false, maxCachedSessions: 0 });
  context.after(async () => agents.forEach((agent) => void agent.destroy()));
  const answers: Awaited<ReturnType<typeof post>>[] = [];
  let is_over = false;
  const senders = agents.map(async (agent) => {
    while (!is_over) answers.push(await post(agent, port, key));
  });
  // A connection that is being accepted in that instant may be reset, and is made again: docs/ARCHITECTURE.md.
  let resets = 0;
  const send_fresh = async (): Promise<void> => {
    while (!is_over) {
      await post(fresh, port, key).then(
        (answer) => answers.push(answer),
        (error: unknown) => {
          if (!(error instanceof Error) || !('code' in error) || error.code !== 'ECONNRESET') throw error;
          resets++;
        },
      );
    }
  };
  senders.push(send_fresh());
  await until('requests go on', 5_000, () => answers.length > 20);
  await install(second, files);
  daemon.child.kill('SIGHUP');
  await until('the renewal is reported', 5_000, () => daemon.stderr.includes('the certificate was renewed'));
  const renewed_at = answers.length;
  const after = await serial(port);
  assert.notEqual(after, before);
  await until('requests go on after it', 5_000, () => answers.length > renewed_at + 50);
  is_over = true;
  await Promise.all(senders);
  assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([202]));
  assert.ok(resets <= 1, `${resets} connections were reset`);
  const serials = answers.slice(renewed_at).map((answer) => answer.serial);
  assert.ok(serials.includes(before) && serials.includes(after), 'old connections go on, new ones are under the new certificate');

  await writeFile(files.key, 'no key');
  daemon.child.kill('SIGHUP');
  await until('the bad key is reported', 5_000, () => /cannot be used.*The last good one stays/.test(daemon.stderr));
  assert.equal(await serial(port), after);
  assert.equal(await daemon.stop(), 0);
});

/** A connection that gives up: before TLS, during its handshake, or right after it. */
function comeAndGo(port: number, kind: number): Promise<void> {
  return new Promise((resolve) => {
    const target = { port, host: '127.0.0.1' };
    const leave = (): unknown => socket.destroy();
    // The second kind does not believe the certificate, and says so to the daemon.
    const socket = kind === 0 ? connectPlain(target, leave) : connect({ ...target, rejectUnauthorized: kind === 1 }, leave);
    socket.on('error', () => undefined).on('close', () => resolve());
  });
}

test('clients that come and go, before, in and after the handshake, leave the daemon as it was; its port is its own', async (context) => {
  const home = await DaemonHome.create(context);
  const own = await makeCertificate(dirname(home.data_dir), 'own');
  const key = await home.createKey('deploy');
  const environment = { PENSTOCK_HTTP__TLS__CERTIFICATE_FILE: own.certificate, PENSTOCK_HTTP__TLS__KEY_FILE: own.key };
  const daemon = home.launch(environment);
  await readyByAdmin(daemon);
  for (let round = 0; round < 75; round++) {
    await Promise.all(Array.from({ length: 20 }, (_, index) => comeAndGo(home.http_port, index % 3)));
  }
  const other = await home.command(['serve'], { ...environment, PENSTOCK_DATA_DIR: `${home.data_dir}_other`, PENSTOCK_ADMIN__PORT: '0' });
  assert.equal(other.code, 1);
  assert.match(other.stderr, new RegExp(`Port ${home.http_port} .* is taken`));
  const agent = new Agent({ rejectUnauthorized: false });
  assert.equal((await post(agent, home.http_port, key)).status, 202);
  agent.destroy();
  assert.equal(await daemon.stop(), 0);
});

test('a certificate that cannot be used stops the start with a reason', async (context) => {
  const home = await DaemonHome.create(context);
  const directory = dirname(home.data_dir);
  const [first, second] = await Promise.all([makeCertificate(directory, 'first'), makeCertificate(directory, 'second')]);
  for (const key_file of [second.key, join(directory, 'missing.key')]) {
    const { code, stderr } = await home.command(['serve'], {
      PENSTOCK_HTTP__TLS__CERTIFICATE_FILE: first.certificate,
      PENSTOCK_HTTP__TLS__KEY_FILE: key_file,
    });
    assert.equal(code, 1);
    assert.match(stderr, /first\.crt or its key cannot be used: .*(mismatch|ENOENT)/);
  }
  const { code, stderr } = await home.command(['check'], { PENSTOCK_HTTP__TLS__CERTIFICATE_FILE: first.certificate });
  assert.equal(code, 2);
  assert.match(stderr, /http\.tls\.key_file.*go together/);
});

test('load and health speak to a daemon over TLS whose certificate they are told to believe, and to no other', async (context) => {
  const home = await DaemonHome.create(context);
  const directory = dirname(home.data_dir);
  const [own, other] = await Promise.all([makeCertificate(directory, 'own'), makeCertificate(directory, 'other')]);
  const [deploy_key, read_key] = [await home.createKey('deploy'), await home.createKey('read')];
  const daemon = home.launch({ PENSTOCK_HTTP__TLS__CERTIFICATE_FILE: own.certificate, PENSTOCK_HTTP__TLS__KEY_FILE: own.key });
  await readyByAdmin(daemon);
  const load = ['load', '--key', deploy_key, '--events', '200', '--batch', '20', '--connections', '3', '--seed', '1', '--json'];
  for (const [host, transport] of [
    ['127.0.0.1', 'http'],
    ['localhost', 'http'],
    ['localhost', 'ws'],
  ] as const) {
    const line = [...load, '--url', `https://${host}:${home.http_port}`, '--ca', own.certificate, '--transport', transport];
    const { code, stdout, stderr } = await home.command(line);
    assert.equal(code, 0, stderr);
    const { url, accepted }: { url: string; accepted: number } = JSON.parse(stdout);
    assert.deepEqual({ url, accepted }, { url: `https://${host}:${home.http_port}`, accepted: 200 });
  }
  const health = [
    'health',
    '--key',
    read_key,
    '--release',
    'rel_none',
    '--max-crash-rate',
    '1',
    '--url',
    `https://localhost:${home.http_port}`,
  ];
  const judged = await home.command([...health, '--ca', own.certificate]);
  assert.equal(judged.code, 3, judged.stderr);
  assert.match(judged.stdout, /too little data: 0 devices/);

  for (const line of [health, [...load, '--url', `https://localhost:${home.http_port}`]]) {
    const unknown = await home.command(line);
    assert.equal(unknown.code, 1);
    assert.match(unknown.stderr, /No answer from https:\/\/localhost:\d+ \(self-signed certificate; --ca names whom to believe\)/);
    assert.equal((await home.command([...line, '--ca', other.certificate])).code, 1);
  }
  // Without --url it is the configuration's daemon, which speaks TLS.
  const tls = { PENSTOCK_HTTP__TLS__CERTIFICATE_FILE: own.certificate, PENSTOCK_HTTP__TLS__KEY_FILE: own.key };
  assert.equal((await home.command([...load, '--ca', own.certificate], tls)).code, 0);
  assert.equal(await daemon.stop(), 0, `${daemon.child.signalCode}: ${daemon.stderr.slice(-500)}`);
});

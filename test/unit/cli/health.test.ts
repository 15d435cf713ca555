/** `penstock health` as a script meets it: exit codes, and what it prints. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type TestContext, test } from 'node:test';
import { HEALTH_COMMAND } from '../../../src/cli/health.ts';
import { runOnce, type Session } from './terminal.ts';

interface Asked {
  readonly url: string | undefined;
  readonly key: string | undefined;
}

/** A daemon of paper that gives one answer. */
async function paperDaemon(context: TestContext, status: number, body: string): Promise<{ url: string; asked: Asked[] }> {
  const asked: Asked[] = [];
  const server = createServer((request, response) => {
    asked.push({ url: request.url, key: request.headers['x-api-key']?.toString() });
    response.writeHead(status).end(body);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  return { url: `http://127.0.0.1:${address.port}`, asked };
}

function release(unique_devices: number, crash_rate: number | null): string {
  return JSON.stringify({ release_id: 'rel_1', stats: { unique_devices, crash_rate } });
}

function health(...line: string[]): Promise<Session> {
  return runOnce(['health', '--key', 'rk_test', '--release', 'rel_1', ...line], [HEALTH_COMMAND]);
}

test('the exit code is 0 up to the allowed crash rate, 1 above it, 3 for too few devices', async (context) => {
  const cases = [
    { devices: 500, rate: 0.02, code: 0 },
    { devices: 500, rate: 0.0201, code: 1 },
    { devices: 499, rate: 0, code: 3 },
    { devices: 499, rate: 1, code: 3 },
    { devices: 500, rate: null, code: 3 },
  ];
  for (const { devices, rate, code } of cases) {
    const { url, asked } = await paperDaemon(context, 200, release(devices, rate));
    const session = await health('--url', url, '--max-crash-rate', '0.02', '--min-devices', '500');
    assert.equal(session.code, code, `${devices} devices, ${rate}: ${session.stdout}${session.stderr}`);
    assert.deepEqual(asked, [{ url: '/api/v1/deploy/releases/rel_1', key: 'rk_test' }]);
  }
});

test('it says in a line what was found and what is allowed', async (context) => {
  const { url } = await paperDaemon(context, 200, release(1200, 0.0345));
  const { stdout } = await health('--url', url, '--max-crash-rate', '0.02');
  assert.equal(stdout, 'rel_1: unhealthy: crash rate 3.45 %, 2 % allowed, 1200 devices.\n');
});

test('--json prints one object', async (context) => {
  const { url } = await paperDaemon(context, 200, release(3, 0));
  const { code, stdout } = await health('--url', url, '--max-crash-rate', '0.5', '--min-devices', '10', '--json');
  assert.equal(code, 3);
  const expected = {
    release_id: 'rel_1',
    verdict: 'too_little_data',
    unique_devices: 3,
    crash_rate: 0,
    max_crash_rate: 0.5,
    min_devices: 10,
  };
  assert.deepEqual(JSON.parse(stdout), expected);
});

test('a release with anything in its name is asked for as one path segment', async (context) => {
  const { url, asked } = await paperDaemon(context, 200, release(3, 0));
  await runOnce(['health', '--url', `${url}/`, '--key', 'rk_test', '--release', 'a/../b?c=1&é', '--max-crash-rate', '1'], [HEALTH_COMMAND]);
  assert.equal(asked[0]?.url, '/api/v1/deploy/releases/a%2F..%2Fb%3Fc%3D1%26%C3%A9');
});

test('a key that may not read is told so; other refusals are told in the words of the daemon', async (context) => {
  const unauthorized = await paperDaemon(context, 401, '{"ok":false,"error":"unauthorized","message":"x"}');
  const refused = await health('--url', unauthorized.url, '--max-crash-rate', '1');
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /401.*read key.*a deploy key cannot read/);
  const away = await paperDaemon(context, 503, '{"ok":false,"error":"clickhouse_unavailable","message":"ClickHouse does not answer."}');
  const unavailable = await health('--url', away.url, '--max-crash-rate', '1');
  assert.equal(unavailable.code, 1);
  assert.match(unavailable.stderr, /503: ClickHouse does not answer\./);
});

test('what is no daemon, and nobody at all, make the exit code 1 with a reason', async (context) => {
  for (const body of ['<html>', '[]', '{}', '{"stats":{"unique_devices":"1","crash_rate":0}}', 'null']) {
    const { url } = await paperDaemon(context, 200, body);
    const { code, stderr } = await health('--url', url, '--max-crash-rate', '1');
    assert.equal(code, 1, body);
    assert.match(stderr, /Is it a Penstock daemon\?/);
  }
  const { code, stderr } = await health('--url', 'http://127.0.0.1:1', '--max-crash-rate', '1');
  assert.equal(code, 1);
  assert.match(stderr, /No answer from http:\/\/127\.0\.0\.1:1/);
});

test('wrong usage is exit 2', async () => {
  const url = ['--url', 'http://127.0.0.1:1'];
  const wrong = [
    ['health', ...url, '--release', 'r', '--max-crash-rate', '1'],
    ['health', ...url, '--key', 'k', '--max-crash-rate', '1'],
    ['health', ...url, '--key', 'k', '--release', 'r'],
    ['health', ...url, '--key', 'k', '--release', 'r', '--max-crash-rate', '1.5'],
    ['health', ...url, '--key', 'k', '--release', 'r', '--max-crash-rate', 'x'],
    ['health', ...url, '--key', 'k', '--release', 'r', '--max-crash-rate', '1', '--min-devices', '-1'],
    ['health', ...url, '--key', 'é', '--release', 'r', '--max-crash-rate', '1'],
    ['health', '--url', 'ftp://h', '--key', 'k', '--release', 'r', '--max-crash-rate', '1'],
    ['health', '--url', 'https://u:p@h', '--key', 'k', '--release', 'r', '--max-crash-rate', '1'],
    ['health', ...url, '--ca', '/etc/hostname', '--key', 'k', '--release', 'r', '--max-crash-rate', '1'],
    ['health', '--url', 'https://h', '--ca', '/none', '--key', 'k', '--release', 'r', '--max-crash-rate', '1'],
    ['health', '--url', 'https://h', '--ca', '/etc/hostname', '--key', 'k', '--release', 'r', '--max-crash-rate', '1'],
  ];
  for (const line of wrong) assert.equal((await runOnce(line, [HEALTH_COMMAND])).code, 2, line.join(' '));
});

/** Web pages of other origins: only those that are named, and never with credentials. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { DaemonHome } from '../support/daemon.ts';
import { until } from '../support/until.ts';

const PAGE = 'https://page.example';
const REPORT = '{"events":[]}';

test('web pages may call from the origins that are named, from the next SIGHUP on', async (context) => {
  const home = await DaemonHome.create(context);
  const key = await home.createKey('deploy');
  const file = join(dirname(home.data_dir), 'penstock.yaml');
  await writeFile(file, '');
  const daemon = await home.start({ PENSTOCK_CONFIG: file });
  const allowed = async (
    origin: string,
    method: string,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<[number, string | null]> => {
    const body = method === 'POST' ? { body: REPORT } : {};
    const answer = await fetch(daemon.url('/api/deploy/report'), { method, ...body, headers: { origin, ...headers } });
    assert.equal(answer.headers.get('access-control-allow-credentials'), null);
    return [answer.status, answer.headers.get('access-control-allow-origin')];
  };
  const preflight = { 'Access-Control-Request-Method': 'POST', 'Access-Control-Request-Headers': 'x-api-key,content-type' };
  assert.deepEqual(await allowed(PAGE, 'OPTIONS', preflight), [405, null]);
  assert.deepEqual(await allowed(PAGE, 'POST', { 'x-api-key': key }), [202, null]);

  await writeFile(file, `http:\n  cors_origins: ['${PAGE}', 'http://localhost:3000']\n`);
  daemon.child.kill('SIGHUP');
  await until('the reload is reported', 5_000, () => daemon.stderr.includes('http.cors_origins changed'));
  for (const origin of [PAGE, 'http://localhost:3000']) {
    assert.deepEqual(await allowed(origin, 'OPTIONS', preflight), [204, origin]);
    assert.deepEqual(await allowed(origin, 'POST', { 'x-api-key': key }), [202, origin]);
    assert.deepEqual(await allowed(origin, 'POST'), [401, origin]);
  }
  for (const origin of ['https://page.example.evil', 'http://page.example', 'https://page.example:444', 'null', 'https://PAGE.example']) {
    assert.deepEqual(await allowed(origin, 'OPTIONS', preflight), [405, null]);
    assert.deepEqual(await allowed(origin, 'POST', { 'x-api-key': key }), [202, null]);
  }
  assert.deepEqual(await allowed(PAGE, 'OPTIONS'), [405, PAGE]);
  const answer = await fetch(daemon.url('/api/deploy/report'), { method: 'OPTIONS', headers: { origin: PAGE, ...preflight } });
  assert.match(answer.headers.get('access-control-allow-headers') ?? '', /x-api-key/);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { OperatingError } from '../../../../src/contract/errors.ts';
import type { AdminPage, AdminRoute } from '../../../../src/ops/admin_server.ts';
import { Answers } from '../../../../src/ops/page/answers.ts';
import { loadAssets } from '../../../../src/ops/page/assets.ts';
import { EventStream } from '../../../../src/ops/page/event_stream.ts';
import { ProblemRing } from '../../../../src/ops/page/problem_ring.ts';
import { createPageRoutes } from '../../../../src/ops/page/routes.ts';
import { Sampler } from '../../../../src/ops/page/sampler.ts';
import { ManualClock } from '../../../support/manual_clock.ts';
import { readingAt } from '../../../support/page_readings.ts';

async function ask(
  routes: readonly AdminRoute[],
  path: string,
  query = '',
  headers: Readonly<Record<string, string>> = {},
): Promise<AdminPage> {
  const answer = await routes.find((route) => route.path === path)?.answer({ headers, query: new URLSearchParams(query) });
  assert.ok(answer !== undefined && 'status' in answer);
  return answer;
}

test('the same question is asked once for all who wait, and its answer is kept ten times as long as it took', async () => {
  const clock = new ManualClock(0);
  const answers = new Answers(clock);
  let asked = 0;
  const question = async () => {
    clock.advance(1000);
    return { asked: ++asked };
  };
  const bodies = await Promise.all([answers.get('a', question), answers.get('a', question)]);
  assert.deepEqual(
    bodies.map(({ body }) => body),
    ['{"asked":1}', '{"asked":1}'],
  );
  clock.advance(9_999);
  assert.equal((await answers.get('a', question)).body, '{"asked":1}');
  clock.advance(1);
  assert.equal((await answers.get('a', question)).body, '{"asked":2}');
});

test('one question is asked at a time, a bounded number waits, and one that fails does not stop the next', async () => {
  const answers = new Answers(new ManualClock(0));
  let running = 0;
  const question = async () => {
    assert.equal(++running, 1, 'another question is running');
    await new Promise((resolve) => setImmediate(resolve));
    running--;
    throw new OperatingError('clickhouse_unavailable', { reason: 'code 60' });
  };
  const pages = await Promise.all(Array.from({ length: 20 }, (_none, number) => answers.get(String(number), question)));
  assert.ok(pages.every(({ status }) => status === 503));
  assert.equal(pages.filter(({ body }) => String(body).includes('clickhouse_unavailable')).length, 16);
  assert.equal(pages.filter(({ body }) => String(body).includes('overloaded')).length, 4);
});

test('a question that takes too long is ended', async () => {
  const clock = new ManualClock(0);
  const page = new Answers(clock).get('slow', (signal) => {
    const ended = new Promise<object>((resolve) => signal.addEventListener('abort', () => resolve({ ended: true })));
    clock.advance(9_000);
    return ended;
  });
  assert.equal((await page).body, '{"ended":true}');
});

test('each address asks the fleet for the project that is named, and says which part is missing', async () => {
  const clock = new ManualClock(0);
  const sampler = new Sampler({ clock, read: async () => readingAt(0), failed: assert.fail }, 1);
  const routes = createPageRoutes(
    new EventStream(sampler, new ProblemRing(clock)),
    {
      projects: async () => ({ projects: [] }),
      releases: async (project) => ({ project }),
      release: async (project, release_id) => ({ project, release_id }),
      deployments: async () => ({ deployments: [] }),
      webhooks: async () => ({ types: [] }),
    },
    clock,
  );
  assert.ok(routes.every(({ is_open }) => !is_open));
  const project = 'organization=o&project=p&environment=';
  const named = '"project":{"organization_id":"o","project_id":"p","environment":""}';
  assert.equal((await ask(routes, '/page/releases')).body, '{}');
  assert.equal((await ask(routes, '/page/releases', project)).body, `{${named}}`);
  assert.equal((await ask(routes, '/page/release', `${project}&id=rel%201`)).body, `{${named},"release_id":"rel 1"}`);
  const missing = await ask(routes, '/page/release', project);
  assert.equal(missing.status, 400);
  assert.match(String(missing.body), /\\"id\\"/);
  assert.equal((await ask(routes, '/page/releases', 'organization=o')).status, 400);
  assert.equal((await ask(routes, '/page/release', `id=${'x'.repeat(2000)}`)).status, 400);
});

test('the page’s files come with their type, a policy against anything from elsewhere, and a tag', async () => {
  const files = [
    { path: '/', file: '/somewhere/index.html' },
    { path: '/page/main.js', file: '/somewhere/main.js' },
  ];
  const routes = await loadAssets(files, async (file) => Buffer.from(`content of ${file}`));
  const plain = await ask(routes, '/');
  assert.equal(plain.content_type, 'text/html; charset=utf-8');
  assert.match(plain.headers?.['Content-Security-Policy'] ?? '', /^default-src 'none'; script-src 'self'; (?!.*unsafe)/);
  const script = await ask(routes, '/page/main.js', '', { 'accept-encoding': 'br, gzip' });
  assert.equal(script.content_type, 'text/javascript; charset=utf-8');
  assert.equal(script.headers?.['Content-Encoding'], 'gzip');
  assert.equal(gunzipSync(script.body).toString(), 'content of /somewhere/main.js');
  const again = await ask(routes, '/page/main.js', '', { 'if-none-match': script.headers?.['ETag'] ?? '' });
  assert.equal(again.status, 304);
  assert.ok(routes.every(({ is_open }) => is_open));
});

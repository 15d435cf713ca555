import assert from 'node:assert/strict';
import { request } from 'node:http';
import { type TestContext, test } from 'node:test';
import { type AdminRoute, AdminServer } from '../../../src/ops/admin_server.ts';

const PAGES: readonly AdminRoute[] = [
  {
    path: '/part',
    is_open: false,
    is_part: true,
    answer: ({ query }) => ({ status: 200, content_type: 'text/plain', body: query.get('name') ?? '' }),
  },
  {
    path: '/endless',
    is_open: false,
    answer: () => ({
      content_type: 'text/event-stream',
      open: (viewer) => {
        viewer.write('one, ');
        viewer.write('two');
        setImmediate(() => viewer.destroy());
      },
    }),
  },
  { path: '/metrics', is_open: false, answer: () => ({ status: 200, content_type: 'text/plain', body: 'penstock 1' }) },
  { path: '/livez', is_open: true, answer: () => ({ status: 200, content_type: 'application/json', body: '{}' }) },
  {
    path: '/broken',
    is_open: false,
    answer: () => {
      throw new Error('secret of the inside');
    },
  },
];

/** A server, and a way to ask it with any header. */
async function serve(
  context: TestContext,
  token: string | null,
): Promise<(path: string, headers?: Record<string, string>, method?: string) => Promise<string>> {
  const server = new AdminServer(PAGES, token, () => undefined);
  const port = await server.listen('127.0.0.1', 0);
  context.after(() => server.close());
  return (path, headers = {}, method = 'GET') =>
    new Promise((resolve, reject) => {
      const sent = request({ port, path, method, headers, agent: false }, (answer) => {
        let body = '';
        answer.on('data', (chunk) => (body += String(chunk)));
        answer.on('end', () => resolve(`${answer.statusCode} ${body}`));
      });
      sent.on('error', reject);
      sent.end();
    });
}

test('without a token the pages are open to this machine, and to no name that was made to point at it', async (context) => {
  const ask = await serve(context, null);
  assert.equal(await ask('/metrics'), '200 penstock 1');
  assert.equal(await ask('/metrics?x=1', { Host: 'localhost:8081' }), '200 penstock 1');
  assert.match(await ask('/metrics', { Host: 'evil.example' }), /^403 .*forbidden_host/);
});

test('with a token only who has it sees the pages; health is open to anybody', async (context) => {
  const ask = await serve(context, 'the token');
  for (const headers of [{}, { Authorization: 'Bearer wrong' }, { Authorization: 'the token' }]) {
    assert.match(await ask('/metrics', headers), /^401 /);
    assert.match(await ask('/nothing', headers), /^401 /);
  }
  assert.equal(await ask('/metrics', { Authorization: 'Bearer the token', Host: 'metrics.example' }), '200 penstock 1');
  assert.equal(await ask('/livez', { Host: 'anywhere' }), '200 {}');
});

test('what is not there, not allowed or broken says so, and nothing of the inside', async (context) => {
  const ask = await serve(context, null);
  assert.match(await ask('/nothing'), /^404 .*not_found/);
  assert.match(await ask('/metrics', {}, 'POST'), /^405 /);
  assert.equal(await ask('/metrics', {}, 'HEAD'), '200 ');
  const broken = await ask('/broken');
  assert.match(broken, /^500 .*internal_error/);
  assert.doesNotMatch(broken, /secret/);
});

test('a route has the query string, may go on for ever, and need not be named to who asks for something else', async (context) => {
  const ask = await serve(context, null);
  assert.equal(await ask('/part?name=a%20b'), '200 a b');
  assert.equal(await ask('/endless', {}, 'HEAD'), '200 ');
  assert.match(await ask('/nothing'), /There is: \/endless, \/metrics, \/livez, \/broken\./);
  const server = new AdminServer(PAGES, null, () => undefined);
  const port = await server.listen('127.0.0.1', 0);
  context.after(() => server.close());
  const answer = await fetch(`http://127.0.0.1:${port}/endless`);
  assert.equal(answer.headers.get('content-type'), 'text/event-stream');
  assert.equal(answer.headers.get('x-content-type-options'), 'nosniff');
  const first = await answer.body?.getReader().read();
  assert.match(Buffer.from(first?.value ?? []).toString(), /^one, /);
});

/** What a pipeline relies on: a version has one commit for ever, and a request that is sent again is the same event. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DaemonHome, type RunningDaemon } from '../support/daemon.ts';
import { until } from '../support/until.ts';

const DELIVERY_MS_MAX = 10_000;
const BUILD = { product_name: 'shop', version: '1.2.3', status: 'completed' };
const DEPLOYMENT = { ...BUILD, environment_name: 'production' };
const CONFLICT = '{"detail":"Version 1.2.3 already exists with different SHA"}';

interface Answered {
  readonly status: number;
  readonly body: string;
}

class Client {
  /** Events that were stored, as far as their answers say. */
  readonly ids = new Set<string>();

  constructor(
    private readonly daemon: RunningDaemon,
    private readonly key: string,
  ) {}

  async post(path: string, event: object, headers: Readonly<Record<string, string>> = {}): Promise<Answered> {
    const answer = await this.daemon.post(path, JSON.stringify(event), { Authorization: `Bearer ${this.key}`, ...headers });
    const body = await answer.text();
    if (answer.status === 200) {
      const { id }: { id: string } = JSON.parse(body);
      this.ids.add(id);
    }
    return { status: answer.status, body };
  }

  /** The tables hold what was answered, and not a row more. */
  async settle(): Promise<void> {
    const sql = 'SELECT id FROM deployment_events UNION ALL SELECT id FROM build_events';
    const stored = async (): Promise<string[]> => (await this.daemon.query<{ id: string }>(sql)).map(({ id }) => id);
    await until('all is delivered', DELIVERY_MS_MAX, async () => (await stored()).length >= this.ids.size);
    assert.deepEqual((await stored()).toSorted(), [...this.ids].toSorted());
  }
}

test('a version has the commit of its first event that carries one, of either kind and any status', async (context) => {
  const home = await DaemonHome.create(context);
  const [key, other_key] = [await home.createKeyOf('events', 'org_a'), await home.createKeyOf('events', 'org_b')];
  const daemon = await home.start();
  const client = new Client(daemon, key);
  const post = async (path: string, event: object): Promise<number> => (await client.post(path, event)).status;

  assert.equal(await post('/build-events', { ...BUILD, status: 'started' }), 200);
  assert.equal(await post('/deployment-events', { ...DEPLOYMENT, status: 'failed', scm_sha: 'abc' }), 200);
  for (const scm_sha of ['def', 'ABC', 'abc ', 'ab', 'abcd']) {
    assert.deepEqual(await client.post('/build-events', { ...BUILD, scm_sha }), { status: 409, body: CONFLICT });
    assert.deepEqual(await client.post('/deployment-events/', { ...DEPLOYMENT, scm_sha }), { status: 409, body: CONFLICT });
  }
  assert.equal(await post('/build-events/', { ...BUILD, scm_sha: 'abc' }), 200);
  assert.equal(await post('/build-events/', { ...BUILD, scm_sha: '' }), 200);
  assert.equal(await post('/build-events', { ...BUILD, product_name: 'other', scm_sha: 'def' }), 200);
  assert.equal(await post('/build-events', { ...BUILD, version: '1.2.4', scm_sha: 'def' }), 200);
  await client.settle();
  assert.equal((await new Client(daemon, other_key).post('/build-events', { ...BUILD, scm_sha: 'def' })).status, 200);
});

test('of requests that race for a version exactly one commit wins, and the others are 409', async (context) => {
  const home = await DaemonHome.create(context);
  const key = await home.createKeyOf('events', 'org_a');
  const client = new Client(await home.start(), key);
  const commits = Array.from({ length: 40 }, (_, index) => `sha-${index % 8}`);
  const answers = await Promise.all(commits.map((scm_sha) => client.post('/build-events', { ...BUILD, scm_sha })));
  const winners = new Set(commits.filter((_, index) => answers[index].status === 200));
  assert.equal(winners.size, 1);
  for (const { status, body } of answers) assert.ok(status === 200 || body === CONFLICT, body);
  assert.equal(answers.filter(({ status }) => status === 200).length, 5);
  await client.settle();
});

test('the same Idempotency-Key and body is the same event, with another body it is 409', async (context) => {
  const home = await DaemonHome.create(context);
  const key = await home.createKeyOf('events', 'org_a');
  const client = new Client(await home.start(), key);
  const headers = { 'Idempotency-Key': 'run-1' };
  const first = await client.post('/build-events', BUILD, headers);
  assert.equal(first.status, 200);
  assert.deepEqual(await client.post('/build-events/', BUILD, headers), first);
  assert.deepEqual(await Promise.all(Array.from({ length: 5 }, () => client.post('/build-events', BUILD, headers))), Array(5).fill(first));
  for (const [path, event] of [
    ['/build-events', { ...BUILD, scm_branch: 'main' }],
    ['/deployment-events', DEPLOYMENT],
  ] as const) {
    const { status, body } = await client.post(path, event, headers);
    assert.equal(status, 409);
    assert.match(body, /^\{"detail":"This Idempotency-Key was used/);
  }
  const raced = await Promise.all(Array.from({ length: 10 }, () => client.post('/build-events', BUILD, { 'Idempotency-Key': 'run-2' })));
  assert.equal(new Set(raced.map(({ body }) => body)).size, 1);
  await client.settle();
  assert.equal(client.ids.size, 2);
});

test('commits and keys are remembered across kill -9', async (context) => {
  const home = await DaemonHome.create(context);
  const key = await home.createKeyOf('events', 'org_a');
  const killed = await home.start();
  const headers = { 'Idempotency-Key': 'run-1' };
  const first = await new Client(killed, key).post('/build-events', { ...BUILD, scm_sha: 'abc' }, headers);
  await killed.stop('SIGKILL');
  const client = new Client(await home.start(), key);
  assert.deepEqual(await client.post('/build-events', { ...BUILD, scm_sha: 'abc' }, headers), first);
  assert.deepEqual(await client.post('/build-events', { ...BUILD, scm_sha: 'def' }), { status: 409, body: CONFLICT });
  await client.settle();
});

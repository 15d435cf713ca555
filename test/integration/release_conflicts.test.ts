/** What a pipeline relies on: a version has one commit for ever, and a request that is sent again is the same event. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { DaemonHome, type RunningDaemon } from '../support/daemon.ts';
import { until } from '../support/until.ts';

const DELIVERY_MS_MAX = 10_000;
const KEY_MS_MAX = 2_000;
const BUILD = { product_name: 'shop', version: '1.2.3', status: 'completed' };
const DEPLOYMENT = { ...BUILD, environment_name: 'production' };
const CONFLICT = '{"detail":"Version 1.2.3 already exists with different SHA"}';

/** One daemon for all whose events are of an organization of their own. */
const home = await DaemonHome.create({ after });
const daemon = await home.start();

interface Answered {
  readonly status: number;
  readonly body: string;
}

class Client {
  /** Events that were stored, as far as their answers say. */
  readonly ids = new Set<string>();

  constructor(
    private readonly daemon: RunningDaemon,
    readonly key: string,
    private readonly organization: string,
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

  /** The tables hold of the organization what was answered, and not a row more. */
  async settle(): Promise<void> {
    const own = `WHERE organization_id = '${this.organization}'`;
    const sql = `SELECT id FROM deployment_events ${own} UNION ALL SELECT id FROM build_events ${own}`;
    const stored = async (): Promise<string[]> => (await this.daemon.query<{ id: string }>(sql)).map(({ id }) => id);
    await until('all is delivered', DELIVERY_MS_MAX, async () => (await stored()).length >= this.ids.size);
    assert.deepEqual((await stored()).toSorted(), [...this.ids].toSorted());
  }
}

/** A client whose key counts already. */
async function newClient(organization: string): Promise<Client> {
  const key = await home.createKeyOf('events', organization);
  const daemon_knows = async (): Promise<boolean> =>
    (await fetch(daemon.url('/products'), { headers: { Authorization: `Bearer ${key}` } })).ok;
  await until('the key counts', KEY_MS_MAX, daemon_knows);
  return new Client(daemon, key, organization);
}

test('a version has the commit of its first event that carries one, of either kind and any status', async () => {
  const client = await newClient('org_a');
  const other = await newClient('org_b');
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
  assert.equal((await other.post('/build-events', { ...BUILD, scm_sha: 'def' })).status, 200);
});

test('of requests that race for a version exactly one commit wins, and the others are 409', async () => {
  const client = await newClient('org_race');
  const commits = Array.from({ length: 40 }, (_, index) => `sha-${index % 8}`);
  const answers = await Promise.all(commits.map((scm_sha) => client.post('/build-events', { ...BUILD, scm_sha })));
  const winners = new Set(commits.filter((_, index) => answers[index].status === 200));
  assert.equal(winners.size, 1);
  for (const { status, body } of answers) assert.ok(status === 200 || body === CONFLICT, body);
  assert.equal(answers.filter(({ status }) => status === 200).length, 5);
  await client.settle();
});

test('the same Idempotency-Key and body is the same event, with another body it is 409', async () => {
  const client = await newClient('org_again');
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

test('commits and keys are remembered across kill -9', async () => {
  const before = await newClient('org_killed');
  const headers = { 'Idempotency-Key': 'run-1' };
  const first = await before.post('/build-events', { ...BUILD, scm_sha: 'abc' }, headers);
  await daemon.stop('SIGKILL');
  const client = new Client(await home.start(), before.key, 'org_killed');
  assert.deepEqual(await client.post('/build-events', { ...BUILD, scm_sha: 'abc' }, headers), first);
  assert.deepEqual(await client.post('/build-events', { ...BUILD, scm_sha: 'def' }), { status: 409, body: CONFLICT });
  await client.settle();
});

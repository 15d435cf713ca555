/** Clients as they are: every documented request, pasted with only host and key changed, gets the documented answer. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DaemonHome, type RunningDaemon } from '../support/daemon.ts';
import { GITLAB_VALUES, type PipelineRequest, SECTIONS } from '../support/pipeline_requests.ts';
import { runCurl, sentBody } from '../support/shell.ts';
import { until } from '../support/until.ts';

const DELIVERY_MS_MAX = 5_000;

/** What the status words of the documented requests are answered with. */
const NORMALISED: Readonly<Record<string, string>> = { success: 'completed' };
/** The first fields of an answer, in the order in which they are documented. */
const DOCUMENTED = {
  deployment: ['id', 'product_name', 'version', 'environment_name', 'status', 'deployed_at', 'deployed_by'],
  build: ['id', 'product_name', 'version', 'status', 'created_at'],
};

interface Entity extends Record<string, unknown> {
  readonly id: string;
}

/** Pastes a request and holds the answer against what was sent; the entity, or undefined where it was refused as documented. */
async function paste(daemon: RunningDaemon, request: PipelineRequest, key: string): Promise<Entity | undefined> {
  const environment = { HOST: daemon.url(''), VERSIONER_API_KEY: key, ...GITLAB_VALUES };
  const { status, body } = await runCurl(request.lines, environment);
  assert.equal(status, request.status, `${request.lines}\n${body}`);
  if (status === 409) {
    assert.equal(body, '{"detail":"Version 1.2.3 already exists with different SHA"}');
    return undefined;
  }
  const sent: Record<string, string> = JSON.parse(await sentBody(request.lines, environment));
  const { id, deployed_at, created_at, ...answered }: Entity = JSON.parse(body);
  assert.match(id, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  const time = String(deployed_at ?? created_at);
  assert.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  assert.ok(Math.abs(Date.parse(time) - Date.now()) < 10_000);
  assert.deepEqual(answered, { ...sent, status: NORMALISED[sent['status']] ?? sent['status'] });
  const documented = request.path.startsWith('/deployment') ? DOCUMENTED.deployment : DOCUMENTED.build;
  const keys = Object.keys(JSON.parse(body));
  const documented_keys = keys.filter((name) => documented.includes(name));
  assert.deepEqual(
    keys.slice(0, documented_keys.length),
    documented.filter((name) => keys.includes(name)),
  );
  return { id, ...answered };
}

test('every documented request gets the documented answer, and its row is in ClickHouse', async (context) => {
  const home = await DaemonHome.create(context);
  const keys: string[] = [];
  for (const index of SECTIONS.keys()) keys.push(await home.createKeyOf('events', `org_${index}`));
  const daemon = await home.start();
  assert.equal(SECTIONS.flatMap(({ requests }) => requests).length, 19);

  const answered: string[] = [];
  for (const [index, { title, requests }] of SECTIONS.entries()) {
    await context.test(title, async () => {
      for (const request of requests) {
        const entity = await paste(daemon, request, keys[index]);
        if (entity !== undefined) answered.push(`org_${index} ${entity.id}`);
      }
    });
  }
  const events = 'SELECT organization_id, id FROM deployment_events UNION ALL SELECT organization_id, id FROM build_events';
  const stored = async (): Promise<string[]> => {
    const rows = await daemon.query<{ organization_id: string; id: string }>(events);
    return rows.map(({ organization_id, id }) => `${organization_id} ${id}`);
  };
  await until('all are delivered', DELIVERY_MS_MAX, async () => (await stored()).length === answered.length);
  assert.deepEqual((await stored()).toSorted(), answered.toSorted());
});

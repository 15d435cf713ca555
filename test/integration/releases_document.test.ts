/** docs/RELEASES.md is true: every curl in it is run as the shell lines that it is, the pipelines' with the variables that theirs set. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { DaemonHome, type Settings } from '../support/daemon.ts';
import { runCurl } from '../support/shell.ts';
import { until } from '../support/until.ts';

const VISIBLE_MS_MAX = 10_000;
const DOCUMENT = readFileSync(fileURLToPath(new URL('../../../docs/RELEASES.md', import.meta.url)), 'utf8');

/** The text under a heading, up to the next one. */
function section(heading: string): string {
  const [, text] = DOCUMENT.split(new RegExp(`^## ${heading}\n`, 'm'));
  assert.ok(text, `the document has no heading ${heading}`);
  return text.split(/^## /m, 1)[0];
}

/** The commands of the code blocks for a shell. */
function shellBlocks(heading: string): string[] {
  return Array.from(section(heading).matchAll(/^```sh\n([\s\S]*?)^```$/gm), ([, lines]) => lines);
}

/** The scripts in a pipeline's definition that have a curl: behind `|` as far as it is indented, or between `sh '''` and `'''`. */
function scripts(heading: string): string[] {
  const yaml = section(heading).matchAll(/^( *)(?:- |run: )\|\n((?:\1 {2}.*\n)+)/gm);
  const groovy = section(heading).matchAll(/^ *sh '''\n([\s\S]*?)^ *'''$/gm);
  const found = [...Array.from(yaml, ([, , lines]) => lines), ...Array.from(groovy, ([, lines]) => lines)];
  return found.filter((lines) => lines.includes('curl '));
}

/** What each system's runner sets for a run; `{status}` is replaced by how that run ended. */
const SYSTEMS: readonly {
  heading: string;
  variables: Settings;
  ends: Readonly<Record<string, string>>;
  version: string;
  invoke_id: string;
}[] = [
  {
    heading: 'GitHub Actions',
    variables: {
      GITHUB_SHA: '4f0c1d2e3b',
      GITHUB_ACTOR: 'octocat',
      GITHUB_REF_NAME: 'main',
      GITHUB_SERVER_URL: 'https://github.example.com',
      GITHUB_REPOSITORY: 'acme/my-service',
      GITHUB_RUN_ID: '{run}',
      GITHUB_RUN_ATTEMPT: '1',
      STATUS: '{status}',
    },
    ends: { success: 'completed', failure: 'failed', cancelled: 'aborted' },
    version: '4f0c1d2e3b',
    invoke_id: '{run}-1',
  },
  {
    heading: 'GitLab CI',
    variables: {
      CI_JOB_ID: '{run}',
      CI_COMMIT_SHORT_SHA: '9a8b7c6d',
      CI_COMMIT_SHA: '9a8b7c6d5e4f',
      CI_COMMIT_REF_NAME: 'main',
      GITLAB_USER_LOGIN: 'jane',
      CI_JOB_URL: 'https://gitlab.example.com/acme/-/jobs/1',
      CI_JOB_STATUS: '{status}',
    },
    ends: { success: 'completed', failed: 'failed', canceled: 'aborted' },
    version: '9a8b7c6d',
    invoke_id: '{run}',
  },
  {
    heading: 'Jenkins',
    variables: {
      BUILD_TAG: 'jenkins-shop-{run}',
      BUILD_NUMBER: '57',
      BUILD_URL: 'https://jenkins.example.com/job/shop/57/',
      GIT_COMMIT: '0f1e2d3c',
      DEPLOYMENT: '{status}',
    },
    ends: { success: 'completed', failed: 'failed', aborted: 'aborted' },
    version: '57',
    invoke_id: 'jenkins-shop-{run}',
  },
];

/** One daemon, and an organization for each part of the document. */
const home = await DaemonHome.create({ after });
const key_of_document = await home.createKeyOf('events', 'acme');
const keys_of_systems: string[] = [];
for (const index of SYSTEMS.keys()) keys_of_systems.push(await home.createKeyOf('events', `acme_${index}`));
const daemon = await home.start();

function countOf(table: string, organization: string): Promise<number> {
  return daemon.count(`${table} WHERE organization_id = '${organization}'`);
}

interface Deployment {
  readonly version: string;
  readonly status: string;
  readonly invoke_id: string;
  readonly duration_ms: number | null;
}

test('what the document tells and asks with curl is answered 200', async () => {
  const environment = { PENSTOCK_URL: daemon.url(''), PENSTOCK_KEY: key_of_document };
  const told = shellBlocks('Tell');
  assert.equal(told.length, 2);
  for (const lines of told) assert.equal((await runCurl(lines, environment)).status, 200, lines);
  await until(
    'the events are visible',
    VISIBLE_MS_MAX,
    async () => (await countOf('deployment_events', 'acme')) + (await countOf('build_events', 'acme')) === 2,
  );
  const asked = shellBlocks('Ask');
  assert.equal(asked.length, 4);
  for (const lines of asked) {
    const { status, body } = await runCurl(lines, environment);
    assert.equal(status, 200, body);
    assert.match(body, /my-service|production/);
  }
});

for (const [index, { heading, variables, ends, version, invoke_id }] of SYSTEMS.entries()) {
  test(`the pipeline of ${heading} tells of a deployment from its start to each of its ends`, async () => {
    const key = keys_of_systems[index];
    const lines = scripts(heading);
    assert.equal(lines.length, 2);
    for (const [run, status] of Object.keys(ends).entries()) {
      const fill = (text: string): string => text.replace('{status}', status).replace('{run}', String(run));
      const set = Object.fromEntries(Object.entries(variables).map(([name, value]) => [name, fill(value)]));
      for (const script of lines) {
        const { status: answered, body } = await runCurl(script, { ...set, PENSTOCK_URL: daemon.url(''), PENSTOCK_KEY: key });
        assert.equal(answered, 200, body);
      }
    }
    await until('the events are visible', VISIBLE_MS_MAX, async () => (await countOf('deployment_events', `acme_${index}`)) === 6);
    const answer = await fetch(daemon.url('/products/my-service/deployments'), { headers: { Authorization: `Bearer ${key}` } });
    const { deployments }: { deployments: Deployment[] } = JSON.parse(await answer.text());
    assert.deepEqual(
      deployments.map((deployment) => [deployment.version, deployment.invoke_id, deployment.status, deployment.duration_ms !== null]),
      Object.values(ends)
        .map((status, run) => [version, invoke_id.replace('{run}', String(run)), status, true])
        .reverse(),
    );
  });
}

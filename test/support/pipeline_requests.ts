/**
 * The requests that pipelines send today, verbatim from their documentation (`pipeline_requests.txt`, a section each), as lines for a
 * shell: `$HOST` and `$VERSIONER_API_KEY` are all that a test sets.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export interface PipelineRequest {
  /** What a shell runs. */
  readonly lines: string;
  readonly path: string;
  /** As the documentation says. */
  readonly status: 200 | 409;
}

export interface Section {
  readonly title: string;
  readonly requests: readonly PipelineRequest[];
}

const TEXT = readFileSync(fileURLToPath(new URL('../../../test/support/pipeline_requests.txt', import.meta.url)), 'utf8');
const REQUEST = /^ *curl [\s\S]*?\}'$|^POST \S+\n\{[\s\S]*?^\}(\n# Returns: 409 Conflict)?$/gm;
const DOCUMENTED_HOST = 'https://api.versioner.io';

/** What the systems put into the places of their own expressions, before a shell sees the line. */
const GITHUB_VALUES: Readonly<Record<string, string>> = {
  'secrets.VERSIONER_API_KEY': '$VERSIONER_API_KEY',
  'github.sha': '4f0c1d2e',
  'github.actor': 'octocat',
  'github.ref_name': 'main',
  'github.server_url': 'https://github.com',
  'github.repository': 'mycompany/my-service',
  'github.run_id': '123',
};
const JENKINS_VALUES: Readonly<Record<string, string>> = { BUILD_NUMBER: '57', BUILD_USER: 'jane', BUILD_URL: 'https://ci.example.com/57' };
/** What GitLab sets in the environment of its shell. */
export const GITLAB_VALUES: Readonly<Record<string, string>> = {
  CI_COMMIT_SHORT_SHA: '9a8b7c6d',
  CI_COMMIT_SHA: '9a8b7c6d5e4f',
  CI_COMMIT_REF_NAME: 'main',
  GITLAB_USER_LOGIN: 'jane',
  CI_JOB_URL: 'https://gitlab.example.com/-/jobs/1',
};

export const SECTIONS: readonly Section[] = TEXT.split(/^=== /m)
  .slice(1)
  .map((section) => {
    const [title = '', ...lines] = section.split('\n');
    const requests = Array.from(lines.join('\n').matchAll(REQUEST), ([request]) => readRequest(title, request));
    return { title, requests };
  });

function readRequest(title: string, request: string): PipelineRequest {
  const lines = request.startsWith('POST ') ? curlLines(request) : request.replace(DOCUMENTED_HOST, '$HOST');
  const [, path = ''] = /\$HOST(\/\S+?)"? /.exec(lines) ?? [];
  return { lines: substitute(title, lines), path, status: request.endsWith('409 Conflict') ? 409 : 200 };
}

/** `POST /path` and a body with remarks in it, as a reader would type it. */
function curlLines(request: string): string {
  const [, path = '', body = ''] = /^POST (\S+)\n(\{[\s\S]*?^\})/m.exec(request) ?? [];
  return `curl -X POST $HOST${path} -H "Authorization: Bearer $VERSIONER_API_KEY" -d '${body.replace(/ +# .*$/gm, '')}'`;
}

function substitute(title: string, lines: string): string {
  if (title === 'GitHub Actions') return lines.replace(/\$\{\{ (\S+) \}\}/g, (_, name: string) => GITHUB_VALUES[name] ?? '');
  if (title !== 'Jenkins') return lines;
  return lines.replaceAll('\\\\\n', '\\\n').replace(/\$\{(\w+)\}/g, (whole, name: string) => JENKINS_VALUES[name] ?? whole);
}

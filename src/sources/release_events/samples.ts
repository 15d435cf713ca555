/** Bodies with what becomes of them: the documented examples, a bare event of each kind, and what is refused. */
import type { Sample } from '../../contract/source.ts';

const DEPLOYMENT_ROUTE = 0;
const BUILD_ROUTE = 2;

function sample(route: number, name: string, event: unknown, accepted: 0 | 1): Sample {
  return { name, route, body: JSON.stringify(event), accepted, rejected: 0 };
}

const DEPLOYMENT_EVENT = { product_name: 'my-service', version: '1.2.3', environment_name: 'production', status: 'success' };
const BUILD_EVENT = { product_name: 'my-service', version: '1.2.3', status: 'completed' };
const PIPELINE = {
  scm_branch: 'main',
  scm_sha: 'abc123def456',
  scm_repository: 'github.com/mycompany/my-service',
  build_url: 'https://github.com/mycompany/my-service/actions/runs/123',
  build_number: '456',
  source_system: 'github',
  invoke_id: 'run-123',
};

export const SAMPLES: readonly Sample[] = [
  sample(
    DEPLOYMENT_ROUTE,
    'a deployment with every field',
    {
      ...DEPLOYMENT_EVENT,
      deployed_by: 'john.doe',
      ...PIPELINE,
      extra_metadata: { deployment_duration_seconds: 120, deployment_method: 'terraform' },
    },
    1,
  ),
  sample(DEPLOYMENT_ROUTE, 'a bare deployment', DEPLOYMENT_EVENT, 1),
  sample(
    BUILD_ROUTE,
    'a build with every field',
    { ...BUILD_EVENT, built_by: 'github-actions', ...PIPELINE, extra_metadata: { test_coverage: '85%', steps: [{ name: 'lint' }] } },
    1,
  ),
  sample(BUILD_ROUTE, 'a bare build', BUILD_EVENT, 1),
  sample(BUILD_ROUTE, 'a build whose CI variables expanded to nothing', { ...BUILD_EVENT, scm_sha: '', built_by: null }, 1),
];

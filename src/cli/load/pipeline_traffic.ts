/**
 * The pipelines of many products: each version is built and then deployed twice, which takes six requests of one event each; every
 * sixth names a version that nobody named before, and the rest agree with its commit. No two events of a load are equal.
 */
import { RequestBytes, RequestTemplate } from './request_template.ts';
import { scramble } from './seeded_random.ts';
import { authorityOf, type Counts, type Destination, type RequestMaker, type Traffic } from './traffic.ts';

const PRODUCTS = 200;

interface Step {
  readonly path: string;
  readonly event: Readonly<Record<string, unknown>>;
}

/** What all events of a version have in common; the names in braces are filled in. */
const VERSION = { product_name: 'service-{product}', version: '{seed}.{ordinal}' };
const INVOKE_ID = 'run-{ordinal}';
const SCM_SHA = '{sha}{sha}{sha}{sha}{sha}';

function build(status: string, more: object): Step {
  const event = { ...VERSION, status, built_by: 'github-actions', scm_branch: 'main', ...more };
  return { path: '/build-events/', event };
}

function deployment(status: string, environment_name: string): Step {
  const about = { status, deployed_by: 'john.doe', scm_sha: SCM_SHA, source_system: 'github', invoke_id: INVOKE_ID };
  return { path: '/deployment-events/', event: { ...VERSION, environment_name, ...about } };
}

/** What differs from one event to the next. */
const NAMES = ['seed', 'ordinal', 'product', 'sha'];

const METADATA = { build_duration_seconds: 180, test_coverage: '85%' };

const LIFE: readonly Step[] = [
  build('started', { invoke_id: INVOKE_ID }),
  build('completed', { scm_sha: SCM_SHA, invoke_id: INVOKE_ID, extra_metadata: METADATA }),
  deployment('started', 'staging'),
  deployment('success', 'staging'),
  deployment('started', 'production'),
  deployment('success', 'production'),
];

export class PipelineTraffic implements Traffic {
  private readonly templates: readonly RequestTemplate[];
  private sent = 0;

  constructor(private readonly plan: Destination & { readonly seed: number }) {
    const headers = [`Host: ${authorityOf(plan.address)}`, `Authorization: Bearer ${plan.key}`, 'Content-Type: application/json'];
    this.templates = LIFE.map(({ path, event }) => new RequestTemplate([`POST ${path} HTTP/1.1`, ...headers], event, NAMES));
  }

  createRequests(): RequestMaker {
    const bytes = new RequestBytes();
    return { next: () => this.nextRequest(bytes) };
  }

  /** Each request has one event, and a stored one is answered with its id. */
  readCounts(body: string): Counts | undefined {
    return body.startsWith('{"id":"') ? { accepted: 1, rejected: 0 } : undefined;
  }

  private nextRequest(bytes: RequestBytes): Uint8Array {
    const { seed } = this.plan;
    const ordinal = Math.floor(this.sent / LIFE.length);
    const template = this.templates[this.sent % LIFE.length];
    this.sent++;
    const sha = scramble(ordinal ^ seed)
      .toString(16)
      .padStart(8, '0');
    return bytes.of(template, [String(seed), String(ordinal), String(ordinal % PRODUCTS), sha]);
  }
}

/**
 * The pipelines of many products: each version is built and then deployed twice, which takes six requests of one event each; every
 * sixth names a version that nobody named before, and the rest agree with its commit. No two events of a load are equal.
 */
import { scramble } from './seeded_random.ts';
import { authorityOf, type Counts, type Destination, type RequestMaker, type Traffic } from './traffic.ts';

const PRODUCTS = 200;

type Step = (version: Version) => { readonly path: string; readonly event: Readonly<Record<string, unknown>> };

interface Version {
  readonly product_name: string;
  readonly version: string;
  readonly scm_sha: string;
  readonly invoke_id: string;
}

function build(status: string, more: (version: Version) => object): Step {
  return ({ product_name, version, ...rest }) => {
    const event = {
      product_name,
      version,
      status,
      built_by: 'github-actions',
      scm_branch: 'main',
      ...more({ product_name, version, ...rest }),
    };
    return { path: '/build-events/', event };
  };
}

function deployment(status: string, environment_name: string): Step {
  return ({ product_name, version, scm_sha, invoke_id }) => {
    const event = { product_name, version, environment_name, status, deployed_by: 'john.doe', scm_sha, source_system: 'github', invoke_id };
    return { path: '/deployment-events/', event };
  };
}

const LIFE: readonly Step[] = [
  build('started', ({ invoke_id }) => ({ invoke_id })),
  build('completed', ({ scm_sha, invoke_id }) => ({
    scm_sha,
    invoke_id,
    extra_metadata: { build_duration_seconds: 180, test_coverage: '85%' },
  })),
  deployment('started', 'staging'),
  deployment('success', 'staging'),
  deployment('started', 'production'),
  deployment('success', 'production'),
];

export class PipelineTraffic implements Traffic {
  private sent = 0;

  constructor(private readonly plan: Destination & { readonly seed: number }) {}

  createRequests(): RequestMaker {
    return { next: () => this.nextRequest() };
  }

  /** Each request has one event, and a stored one is answered with its id. */
  readCounts(body: string): Counts | undefined {
    return body.startsWith('{"id":"') ? { accepted: 1, rejected: 0 } : undefined;
  }

  private nextRequest(): Uint8Array {
    const { address, key, seed } = this.plan;
    const ordinal = Math.floor(this.sent / LIFE.length);
    const step = LIFE[this.sent % LIFE.length];
    this.sent++;
    const sha = scramble(ordinal ^ seed)
      .toString(16)
      .padStart(8, '0');
    const version = {
      product_name: `service-${ordinal % PRODUCTS}`,
      version: `${seed}.${ordinal}`,
      scm_sha: sha.repeat(5),
      invoke_id: `run-${ordinal}`,
    };
    const { path, event } = step(version);
    const body = JSON.stringify(event);
    const head = [
      `POST ${path} HTTP/1.1`,
      `Host: ${authorityOf(address)}`,
      `Authorization: Bearer ${key}`,
      'Content-Type: application/json',
    ];
    return Buffer.from(`${head.join('\r\n')}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
  }
}

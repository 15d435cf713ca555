/** Slabs as the dispatcher makes them, and a processor as a worker has it, for tests and benches that look at the worker alone. */
import { type BodyFormat, formatNumber, PLAIN_FORMAT } from '../../src/contract/format.ts';
import { SLAB_ENTRY_BYTES, type SlabResult, SlabTable, type SlabTask } from '../../src/contract/slab.ts';
import type { Source } from '../../src/contract/source.ts';
import type { Tenant } from '../../src/contract/tenant.ts';
import { Kernel } from '../../src/kernel/kernel.ts';
import { SlabProcessor } from '../../src/pipeline/worker/slab_processor.ts';
import { SOURCES } from '../../src/sources/list.ts';

export const TENANT: Tenant = { organization_id: 'org_test', project_id: 'proj_test', environment: 'test' };
export const RECEIVED_AT_MS = Date.UTC(2026, 10, 21, 12, 30, 15, 250);
export const EVENT_BYTES_MAX = 1 << 20;

export interface SlabOptions {
  readonly source?: Source;
  readonly tenants?: readonly Tenant[];
  /** Index into `tenants` of each body's tenant. */
  readonly tenant_of?: (body: number) => number;
  /** Position among the source's routes of each body's route. */
  readonly route_of?: (body: number) => number;
  readonly format_of?: (body: number) => BodyFormat;
  readonly body_bytes_max?: number;
  readonly idempotency_keys?: readonly string[];
  readonly event_bytes_max?: number;
}

export function createSlab(bodies: readonly Uint8Array[], options: SlabOptions = {}): SlabTask {
  const { source = SOURCES[0], tenants = [TENANT], tenant_of = () => 0, route_of = () => 0, format_of } = options;
  const { event_bytes_max = EVENT_BYTES_MAX, idempotency_keys = [], body_bytes_max = 1 << 25 } = options;
  const requests_max = bodies.length;
  const bytes = bodies.reduce((sum, body) => sum + body.length, requests_max * SLAB_ENTRY_BYTES);
  const buffer = new SharedArrayBuffer(Math.ceil(bytes / 8) * 8);
  const table = new SlabTable(buffer, requests_max);
  let offset = requests_max * SLAB_ENTRY_BYTES;
  for (const [index, body] of bodies.entries()) {
    new Uint8Array(buffer).set(body, offset);
    table.setRequest(index, offset, body.length, {
      tenant: tenant_of(index),
      route: route_of(index),
      format: format_of === undefined ? PLAIN_FORMAT : formatNumber(format_of(index)),
      received_at_ms: RECEIVED_AT_MS,
    });
    offset += body.length;
  }
  return {
    source: SOURCES.indexOf(source),
    buffer,
    requests_max,
    requests: requests_max,
    bytes,
    tenants,
    idempotency_keys,
    identity_seed: 'a seed',
    event_bytes_max,
    body_bytes_max,
    is_plain: format_of === undefined,
    output: new SharedArrayBuffer(0),
  };
}

export function createProcessor(): SlabProcessor {
  return new SlabProcessor(SOURCES, new Kernel());
}

/** What became of each request of a slab that was processed; an event of its own counts as one. */
export type Outcome = { readonly failed: string } | { readonly accepted: number; readonly rejected: number };

export function outcomes(task: SlabTask, result: SlabResult): Outcome[] {
  const table = new SlabTable(task.buffer, task.requests_max);
  return Array.from({ length: task.requests }, (_, index) => {
    const single = result.singles[index];
    if (single !== undefined) return single.kind === 'event' ? { accepted: 1, rejected: 0 } : { failed: single.code };
    const failed = table.failure(index);
    return failed === undefined ? { accepted: table.accepted(index), rejected: table.rejected(index) } : { failed };
  });
}

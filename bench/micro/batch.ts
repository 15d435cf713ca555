/** The events that every stage works on: bodies as a fleet sends them, and slabs as the dispatcher packs them. */
import { EventStream } from '../../src/cli/load/event_stream.ts';
import { SLAB_ENTRY_BYTES, SlabTable, type SlabTask } from '../../src/contract/slab.ts';
import type { Tenant } from '../../src/contract/tenant.ts';

const EVENT_BYTES_ROOM = 1024;
const SEED = 1;
const DEVICES = 100_000;

export const TENANT: Tenant = { organization_id: 'org_bench', project_id: 'proj_bench', environment: 'live' };

/** Bodies of `batch_events` events each. */
export function createBodies(batches: number, batch_events: number): Buffer[] {
  const stream = new EventStream(SEED, DEVICES);
  const room = Buffer.alloc(EVENT_BYTES_ROOM);
  const event = (): string => room.toString('latin1', 0, stream.write(room, 0));
  return Array.from({ length: batches }, () => Buffer.from(`{"events":[${Array.from({ length: batch_events }, event).join(',')}]}`));
}

/** A slab of the bodies, of the first source. `output` is taken over from task to task by the caller. */
export function createTask(bodies: readonly Uint8Array[]): SlabTask {
  const requests_max = bodies.length;
  const bytes = bodies.reduce((sum, body) => sum + body.length, requests_max * SLAB_ENTRY_BYTES);
  const buffer = new SharedArrayBuffer(Math.ceil(bytes / 8) * 8);
  const table = new SlabTable(buffer, requests_max);
  let offset = requests_max * SLAB_ENTRY_BYTES;
  for (const [index, body] of bodies.entries()) {
    new Uint8Array(buffer).set(body, offset);
    table.setRequest(index, offset, body.length, 0, Date.UTC(2026, 0, 1));
    offset += body.length;
  }
  const event_bytes_max = 2 ** 20;
  return {
    source: 0,
    buffer,
    requests_max,
    requests: requests_max,
    bytes,
    tenants: [TENANT],
    event_bytes_max,
    output: new SharedArrayBuffer(2 ** 20),
  };
}

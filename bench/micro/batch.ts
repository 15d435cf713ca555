/** The events that every stage works on: bodies as a fleet sends them, and slabs as the dispatcher packs them. */
import { EventStream } from '../../src/cli/load/event_stream.ts';
import type { Media } from '../../src/contract/format.ts';
import type { SlabTask } from '../../src/contract/slab.ts';
import type { Tenant } from '../../src/contract/tenant.ts';
import { createSlab } from '../../test/support/slabs.ts';

/** What one stage works on at a time. */
export const BATCHES = 10;
export const BATCH_EVENTS = 100;

const EVENT_BYTES_ROOM = 1024;
const OUTPUT_BYTES = 2 ** 20;
const SEED = 1;
const DEVICES = 100_000;

export const TENANT: Tenant = { organization_id: 'org_bench', project_id: 'proj_bench', environment: 'live' };

/** Bodies of `batch_events` events each. */
export function createBodies(batches: number, batch_events: number): Buffer[] {
  return createEvents(batches, batch_events).map(bodyOf);
}

/** The same bodies with a space after each colon and comma, as some libraries write JSON by default, Python's among them. */
export function createSpacedBodies(batches: number, batch_events: number): Buffer[] {
  return createBodies(batches, batch_events).map((body) =>
    Buffer.from(body.toString('latin1').replaceAll('":', '": ').replaceAll(',"', ', "').replaceAll(',{', ', {'), 'latin1'),
  );
}

/** The same events with an `event_id` each. */
export function createNamedBodies(batches: number, batch_events: number): Buffer[] {
  let number = 0;
  const named = (event: string): string =>
    event.replace(/\}$/, `,"event_id":"0f8fad5b-d9cd-469f-a165-${String(number++).padStart(12, '0')}"}`);
  return createEvents(batches, batch_events).map((events) => bodyOf(events.map(named)));
}

/** The same events, one a line. */
export function createLines(batches: number, batch_events: number): Buffer[] {
  return createEvents(batches, batch_events).map((events) => Buffer.from(events.join('\n')));
}

function bodyOf(events: readonly string[]): Buffer {
  return Buffer.from(`{"events":[${events.join(',')}]}`);
}

function createEvents(batches: number, batch_events: number): string[][] {
  const stream = new EventStream(SEED, DEVICES);
  const room = Buffer.alloc(EVENT_BYTES_ROOM);
  const event = (): string => room.toString('latin1', 0, stream.write(room, 0));
  return Array.from({ length: batches }, () => Array.from({ length: batch_events }, event));
}

/** A slab of the bodies, of the first source, with room for the blocks that they become. */
export function createTask(bodies: readonly Uint8Array[], media: Media = 'json'): SlabTask {
  const format_of = (): { media: Media; coding: 'identity' } => ({ media, coding: 'identity' });
  const options = { tenants: [TENANT], ...(media === 'json' ? {} : { format_of }) };
  return { ...createSlab(bodies, options), output: new SharedArrayBuffer(OUTPUT_BYTES) };
}

/** A fleet of phones: reports of many events each, answered with counts. */
import { EventStream } from './event_stream.ts';
import { RequestBuffer } from './request_buffer.ts';
import { authorityOf, type Counts, type Destination, type RequestMaker, type Traffic } from './traffic.ts';

export interface FleetPlan extends Destination {
  readonly seed: number;
  readonly devices: number;
  readonly batch_events: number;
}

export class FleetTraffic implements Traffic {
  private readonly stream: EventStream;

  constructor(private readonly plan: FleetPlan) {
    this.stream = new EventStream(plan.seed, plan.devices);
  }

  createRequests(): RequestMaker {
    const buffer = new RequestBuffer(requestHead(this.plan), this.plan.batch_events);
    return { next: (events) => buffer.fill(this.stream, events) };
  }

  readCounts(body: string): Counts | undefined {
    return readCounts(body);
  }
}

/** The counts in the answer to a report. */
export function readCounts(body: string): Counts | undefined {
  const counts = parseJson(body);
  if (typeof counts !== 'object' || counts === null || !('accepted' in counts) || !('rejected' in counts)) return undefined;
  const { accepted, rejected } = counts;
  return typeof accepted === 'number' && typeof rejected === 'number' ? { accepted, rejected } : undefined;
}

function requestHead({ address, key }: Destination): string {
  const head = ['POST /api/deploy/report HTTP/1.1', `Host: ${authorityOf(address)}`, `x-api-key: ${key}`, 'Content-Type: application/json'];
  return `${head.join('\r\n')}\r\nContent-Length: `;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

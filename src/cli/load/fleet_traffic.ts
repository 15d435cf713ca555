/** A fleet of phones: reports of many events each, answered with counts. */
import { parseJson } from '../../base/json.ts';
import { bodyForm, type Encoding, type Transport } from './body_form.ts';
import { EventStream } from './event_stream.ts';
import { RequestBuffer } from './request_buffer.ts';
import { authorityOf, type Counts, type Destination, type RequestMaker, type Traffic } from './traffic.ts';

export interface FleetPlan extends Destination {
  readonly seed: number;
  readonly devices: number;
  readonly batch_events: number;
  readonly transport: Transport;
  readonly encoding: Encoding;
}

export class FleetTraffic implements Traffic {
  private readonly stream: EventStream;

  constructor(private readonly plan: FleetPlan) {
    this.stream = new EventStream(plan.seed, plan.devices);
  }

  createRequests(): RequestMaker {
    const { transport, encoding, batch_events } = this.plan;
    const form = bodyForm(encoding, transport);
    const head = transport === 'ws' ? '' : requestHead(this.plan, form.headers);
    const buffer = new RequestBuffer(head, batch_events, form);
    return { next: (events, seq) => buffer.fill(this.stream, events, seq) };
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

function requestHead({ address, key }: Destination, body_headers: string): string {
  const head = ['POST /api/deploy/report HTTP/1.1', `Host: ${authorityOf(address)}`, `x-api-key: ${key}`];
  return `${head.join('\r\n')}\r\n${body_headers}Content-Length: `;
}

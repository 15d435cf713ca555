/**
 * The bodies of a slab as JSON, wherever they were: in the slab itself, or in a copy where some came compressed, as lines, or as
 * MessagePack. Most slabs have no such body and are not copied.
 */
import type { ErrorCode } from '../../contract/errors.ts';
import { type BodyFormat, formatOf, PLAIN_FORMAT } from '../../contract/format.ts';
import type { SlabTable, SlabTask } from '../../contract/slab.ts';
import type { RejectionReason } from '../../contract/source.ts';
import { inflate } from './inflate.ts';
import { readJsonLines } from './json_lines.ts';
import { messagePackToJson } from './message_pack.ts';

/** What the bodies of one slab may unfold to, together; one body may have all of it. */
const UNFOLDED_BYTES_MAX = 64 * 2 ** 20;

/** How one body reads. */
export interface RequestBody {
  readonly offset: number;
  readonly length: number;
  /** Why there is nothing to read. */
  readonly problem: ErrorCode | 'unfolds_too_far' | undefined;
  /** Events that were rejected before there was a batch. */
  readonly rejected: readonly RejectionReason[];
}

export interface RequestBodies {
  /** What the offsets are into; it is lent for the slab in hand. */
  readonly bytes: Buffer;
  at(index: number): RequestBody;
}

export interface BodyLimits {
  /** Of one body, when it is unfolded. */
  bodyBytesMax(route: number): number;
  /** A body that unfolds to more, but not beyond its limit, is not read here. */
  readonly whole_body_bytes_max: number;
  readonly event_bytes_max: number;
  /** The array that a body of lines is read as. */
  readonly batch: string;
}

const NONE: readonly RejectionReason[] = [];

/** Reads the slab's table, and unfolds what must be. */
export function readBodies(task: SlabTask, table: SlabTable, limits: BodyLimits): RequestBodies {
  const slab = Buffer.from(task.buffer, 0, task.bytes);
  if (task.is_plain) {
    const at = (index: number): RequestBody => ({
      offset: table.offset(index),
      length: table.length(index),
      problem: undefined,
      rejected: NONE,
    });
    return { bytes: slab, at };
  }
  const unfolding = new Unfolding(limits);
  for (let index = 0; index < task.requests; index++) {
    const offset = table.offset(index);
    unfolding.add(slab.subarray(offset, offset + table.length(index)), table.format(index), table.route(index));
  }
  return unfolding;
}

type Unfolded = { readonly bytes: Buffer; readonly rejected: readonly RejectionReason[] } | ErrorCode | 'unfolds_too_far';

class Unfolding implements RequestBodies {
  private readonly bodies: RequestBody[] = [];
  private readonly parts: Buffer[] = [];
  private unfolded_bytes = 0;
  private joined: Buffer | undefined;

  constructor(private readonly limits: BodyLimits) {}

  get bytes(): Buffer {
    this.joined ??= Buffer.concat(this.parts, this.unfolded_bytes);
    return this.joined;
  }

  at(index: number): RequestBody {
    return this.bodies[index];
  }

  add(body: Buffer, format: number, route: number): void {
    const unfolded = format === PLAIN_FORMAT ? { bytes: body, rejected: NONE } : this.unfold(body, formatOf(format), route);
    const offset = this.unfolded_bytes;
    if (typeof unfolded === 'string') {
      this.bodies.push({ offset, length: 0, problem: unfolded, rejected: NONE });
      return;
    }
    const { bytes, rejected } = unfolded;
    this.bodies.push({ offset, length: bytes.length, problem: undefined, rejected });
    this.parts.push(bytes);
    this.unfolded_bytes += bytes.length;
  }

  private unfold(body: Buffer, { media, coding }: BodyFormat, route: number): Unfolded {
    if (this.unfolded_bytes > UNFOLDED_BYTES_MAX) return 'overloaded';
    const body_bytes_max = this.limits.bodyBytesMax(route);
    const { whole_body_bytes_max } = this.limits;
    const bytes = coding === 'identity' ? body : inflate(body, coding, Math.min(body_bytes_max, whole_body_bytes_max));
    if (bytes === 'too_large') return body_bytes_max > whole_body_bytes_max ? 'unfolds_too_far' : 'inflated_too_large';
    if (bytes === 'corrupt') return 'encoding_corrupt';
    switch (media) {
      case 'json':
        return { bytes, rejected: NONE };
      case 'ndjson':
        return this.readLines(bytes);
      case 'msgpack':
        return this.readMessagePack(bytes);
    }
  }

  private readLines(bytes: Buffer): Unfolded {
    const { body, not_json, too_large } = readJsonLines(bytes, this.limits.batch, this.limits.event_bytes_max);
    const rejected: RejectionReason[] = [
      ...Array<RejectionReason>(not_json).fill('not_json'),
      ...Array<RejectionReason>(too_large).fill('event_too_large'),
    ];
    return { bytes: body, rejected };
  }

  private readMessagePack(bytes: Buffer): Unfolded {
    const json = messagePackToJson(bytes);
    if (json === 'malformed') return 'not_message_pack';
    return json === 'too_deep' ? 'nesting_too_deep' : { bytes: json, rejected: NONE };
  }
}

/**
 * The bodies of a slab as JSON or lines of it, wherever they were: in the slab itself, or in a copy where some came compressed, as
 * lines, or as MessagePack. Most slabs have no such body and are not copied.
 */
import type { ErrorCode } from '../../contract/errors.ts';
import { type BodyFormat, formatOf, PLAIN_FORMAT } from '../../contract/format.ts';
import type { SlabTable, SlabTask } from '../../contract/slab.ts';
import { inflate } from './inflate.ts';
import { messagePackToJson } from './message_pack.ts';

/** What the bodies of one slab may unfold to, together; one body may have all of it. */
const UNFOLDED_BYTES_MAX = 64 * 2 ** 20;

/** How one body reads. */
export interface RequestBody {
  readonly offset: number;
  readonly length: number;
  /** Why there is nothing to read. */
  readonly problem: ErrorCode | 'unfolds_too_far' | undefined;
  /** Whether it is one value per line. */
  readonly is_lines: boolean;
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
}

/** Reads the slab's table, and unfolds what must be. */
export function readBodies(task: SlabTask, table: SlabTable, limits: BodyLimits): RequestBodies {
  const slab = Buffer.from(task.buffer, 0, task.bytes);
  if (task.is_plain) {
    const at = (index: number): RequestBody => ({
      offset: table.offset(index),
      length: table.length(index),
      problem: undefined,
      is_lines: false,
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

type Unfolded = Buffer | ErrorCode | 'unfolds_too_far';

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
    const written = formatOf(format);
    const unfolded = format === PLAIN_FORMAT ? body : this.unfold(body, written, route);
    const offset = this.unfolded_bytes;
    if (typeof unfolded === 'string') {
      this.bodies.push({ offset, length: 0, problem: unfolded, is_lines: false });
      return;
    }
    this.bodies.push({ offset, length: unfolded.length, problem: undefined, is_lines: written.media === 'ndjson' });
    this.parts.push(unfolded);
    this.unfolded_bytes += unfolded.length;
  }

  private unfold(body: Buffer, { media, coding }: BodyFormat, route: number): Unfolded {
    if (this.unfolded_bytes > UNFOLDED_BYTES_MAX) return 'overloaded';
    const body_bytes_max = this.limits.bodyBytesMax(route);
    const { whole_body_bytes_max } = this.limits;
    const bytes = coding === 'identity' ? body : inflate(body, coding, Math.min(body_bytes_max, whole_body_bytes_max));
    if (bytes === 'too_large') return body_bytes_max > whole_body_bytes_max ? 'unfolds_too_far' : 'inflated_too_large';
    if (bytes === 'corrupt') return 'encoding_corrupt';
    if (media !== 'msgpack') return bytes;
    const json = messagePackToJson(bytes);
    if (json === 'malformed') return 'not_message_pack';
    return json === 'too_deep' ? 'nesting_too_deep' : json;
  }
}

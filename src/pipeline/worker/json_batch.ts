/**
 * Reads a JSON body that is a batch: an object with an array of events. The kernel finds the elements' bytes and refuses what
 * would hurt a parser; JSON.parse decides what is JSON.
 */
import { isAscii, isUtf8 } from 'node:buffer';
import { assert } from '../../base/assert.ts';
import { isRecord, parseJson } from '../../base/json.ts';
import type { ErrorCode } from '../../contract/errors.ts';
import type { Batch, DecoderRequest } from '../../contract/source.ts';
import type { Kernel } from '../../kernel/kernel.ts';

function hasMember<Name extends string>(value: object, name: Name): value is Record<Name, unknown> {
  return Object.hasOwn(value, name);
}

export class JsonBatches implements Batch {
  values: readonly unknown[] = [];
  private slab: Buffer = Buffer.alloc(0);

  constructor(private readonly kernel: Kernel) {}

  /** Begins a slab whose bytes the kernel has loaded. */
  begin(slab: Buffer): void {
    this.slab = slab;
  }

  /** Parses one body of the slab; on success `values` and the other members of `Batch` speak of it. */
  parse(request: DecoderRequest, member: string): ErrorCode | undefined {
    const { offset, length } = request;
    const found = this.kernel.scanBatch(offset, length, member);
    if (found === 'nesting_too_deep' || found === 'too_many_keys') return found;
    if (found === 'out_of_memory') return 'overloaded';
    if (found === 'repeated') return 'repeated_events';
    const body = this.slab.subarray(offset, offset + length);
    if (!isUtf8(body)) return 'not_json';
    const value = parseJson(body.toString(isAscii(body) ? 'latin1' : 'utf8'));
    if (value === undefined) return 'not_json';
    if (!isRecord(value)) return 'not_an_object';
    if (!hasMember(value, member) || !Array.isArray(value[member])) return 'no_events';
    this.values = value[member];
    assert(this.values.length === found, 'BUG: the kernel and JSON.parse disagree on how many elements a batch has');
    return undefined;
  }

  /** Parses the element at which the kernel paused, which is well-formed: the batch is then that element alone. */
  parseElement(): void {
    this.kernel.takeElement();
    const text = this.slab.toString('utf8', this.kernel.elementStart(0), this.kernel.elementEnd(0));
    this.values = [JSON.parse(text)];
  }

  /** Whether the bytes of a body are UTF-8. */
  isUtf8({ offset, length }: DecoderRequest): boolean {
    return isUtf8(this.slab.subarray(offset, offset + length));
  }

  elementBytes(index: number): number {
    return this.kernel.elementEnd(index) - this.kernel.elementStart(index);
  }

  memberText(index: number, name: string): string {
    const member = this.kernel.findMember(this.kernel.elementStart(index), this.elementBytes(index), name);
    return member === undefined ? '' : this.slab.toString('utf8', member.start, member.end);
  }
}

/**
 * Reads a JSON body that is a batch: an object with an array of events. The kernel finds the elements' bytes and refuses what
 * would hurt a parser; JSON.parse decides what is JSON.
 */
import { isAscii, isUtf8 } from 'node:buffer';
import { assert } from '../../base/assert.ts';
import { isRecord, parseJson } from '../../base/json.ts';
import { isJson } from '../../base/json_syntax.ts';
import type { ErrorCode } from '../../contract/errors.ts';
import type { Batch, DecoderRequest } from '../../contract/source.ts';
import { type Kernel, NO_MEMBER } from '../../kernel/kernel.ts';

/** A text of no more bytes neither nests too deep nor has too many keys for a parser. */
const HARMLESS_BYTES_MAX = 900;

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
    const body = this.bytesOf(request);
    if (!isUtf8(body)) return 'not_json';
    const value = parseJson(body.toString(isAscii(body) ? 'latin1' : 'utf8'));
    if (value === undefined) return 'not_json';
    if (!isRecord(value)) return 'not_an_object';
    if (!hasMember(value, member) || !Array.isArray(value[member])) return 'no_events';
    this.values = value[member];
    assert(this.values.length === found, 'BUG: the kernel and JSON.parse disagree on how many elements a batch has');
    return undefined;
  }

  /** The only element is that at which the kernel paused. */
  takeElement(): void {
    this.kernel.takeElement();
  }

  /** Parses the element at which the kernel paused, which is well-formed: the batch is then that element alone. */
  parseElement(): void {
    this.takeElement();
    const text = this.slab.toString('utf8', this.kernel.elementStart(0), this.kernel.elementEnd(0));
    this.values = [JSON.parse(text)];
  }

  /** Makes bytes of the slab the only element; without memory for that, the columns are exhausted. */
  setElement(offset: number, length: number): void {
    this.kernel.setElement(offset, length);
  }

  /** Parses the only element, of which nothing is known: the batch is then that element alone. */
  parseLine(): 'parsed' | 'not_json' | 'too_many_keys' {
    const start = this.kernel.elementStart(0);
    const length = this.elementBytes(0);
    const line = this.slab.subarray(start, start + length);
    if (!isUtf8(line)) return 'not_json';
    if (length > HARMLESS_BYTES_MAX) {
      const found = this.kernel.scanBatch(start, length, NO_MEMBER);
      this.kernel.setElement(start, length);
      if (found === 'nesting_too_deep') return 'not_json';
      if (found === 'too_many_keys') return isJson(line) ? found : 'not_json';
    }
    const value = parseJson(line.toString('utf8'));
    if (value === undefined) return 'not_json';
    this.values = [value];
    return 'parsed';
  }

  bytesOf({ offset, length }: DecoderRequest): Buffer {
    return this.slab.subarray(offset, offset + length);
  }

  /** Whether the bytes of a body are UTF-8. */
  isUtf8(request: DecoderRequest): boolean {
    return isUtf8(this.bytesOf(request));
  }

  elementBytes(index: number): number {
    return this.kernel.elementEnd(index) - this.kernel.elementStart(index);
  }

  memberText(index: number, name: string): string {
    const member = this.kernel.findMember(this.kernel.elementStart(index), this.elementBytes(index), name);
    return member === undefined ? '' : this.slab.toString('utf8', member.start, member.end);
  }
}

/**
 * Reads a JSON body that is one event: one object. The kernel refuses what would hurt a parser; JSON.parse decides what is JSON.
 * A byte order mark is not JSON, so that the text is what was sent, byte for byte.
 */
import { isUtf8 } from 'node:buffer';
import { isRecord, parseJson } from '../../base/json.ts';
import { isJson } from '../../base/json_syntax.ts';
import type { ErrorCode } from '../../contract/errors.ts';
import type { SingleBody, SingleMembers, SingleRequest } from '../../contract/source.ts';
import { type Kernel, NO_MEMBER } from '../../kernel/kernel.ts';

export class SingleBodies {
  private slab: Buffer = Buffer.alloc(0);

  constructor(private readonly kernel: Kernel) {}

  /** Begins a slab whose bytes the kernel has loaded. */
  begin(slab: Buffer): void {
    this.slab = slab;
  }

  parse(request: SingleRequest): SingleBody | ErrorCode {
    const { offset, length } = request;
    const problem = this.kernel.scanBatch(offset, length, NO_MEMBER);
    if (problem === 'nesting_too_deep' || problem === 'too_many_keys') return problem;
    if (problem === 'out_of_memory') return 'overloaded';
    const body = this.slab.subarray(offset, offset + length);
    if (!isUtf8(body)) return 'not_json';
    const text = body.toString('utf8');
    const value = parseJson(text);
    if (value === undefined) return 'not_json';
    if (!isRecord(value)) return 'not_an_object';
    // Of ASCII a part of the text is where the bytes are, and costs nothing.
    const member_text = (name: string): string => {
      const bytes = this.memberBytes(request, name);
      const start = bytes.byteOffset - body.byteOffset;
      return text.length === length ? text.slice(start, start + bytes.length) : bytes.toString('utf8');
    };
    return {
      value,
      text,
      bytes: body,
      memberText: member_text,
      memberBytes: (name) => this.memberBytes(request, name),
    };
  }

  /** The same without a parser: only the texts among the object's members can be read. */
  readMembers(request: SingleRequest): SingleMembers | ErrorCode {
    const body = this.slab.subarray(request.offset, request.offset + request.length);
    if (!isUtf8(body) || !isJson(body)) return 'not_json';
    const text = body.toString('utf8');
    if (!text.trimStart().startsWith('{')) return 'not_an_object';
    return { text, bytes: body, member: (name) => this.textMember(request, name) };
  }

  private textMember(request: SingleRequest, name: string): string | undefined {
    const text = this.memberText(request, name);
    if (!text.startsWith('"')) return undefined;
    const value: string = JSON.parse(text);
    return value;
  }

  private memberText(request: SingleRequest, name: string): string {
    return this.memberBytes(request, name).toString('utf8');
  }

  private memberBytes({ offset, length }: SingleRequest, name: string): Buffer {
    const member = this.kernel.findMember(offset, length, name);
    return member === undefined ? this.slab.subarray(offset, offset) : this.slab.subarray(member.start, member.end);
  }
}

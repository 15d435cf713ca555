/**
 * The host's side of the kernel's outlines of bodies (`assembly/outline.ts`). Offsets are relative to the slab, as everywhere; what is
 * said of an outline is valid until the next one is asked for.
 */
import { assert } from '../base/assert.ts';
import { type Instance, unsigned } from './instance.ts';

/** Of a text that stands in outlines as it is. */
export const WORD_BYTES_MAX = 32;
const TEXTS_MAX = 512;
const BRANCHES_MAX = 64;
const HAS_ESCAPE = 0x8000_0000;

/** Where something stands in the slab. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

export class Outlines {
  /** Views of the kernel's tables; growing the memory detaches them, and then they are empty. */
  private outline: Buffer = Buffer.alloc(0);
  private texts: Uint32Array = new Uint32Array(0);
  private branches: Uint32Array = new Uint32Array(0);

  constructor(private readonly instance: Instance) {}

  /** After a slab was loaded, perhaps into another instance. */
  begin(): void {
    if (this.outline.buffer !== this.instance.bytes.buffer) this.view();
  }

  /** Has texts stand in outlines as they are, in this instance and in those that follow. They are few, and of WORD_BYTES_MAX at most. */
  addWords(words: readonly string[]): void {
    this.instance.setUp(() => {
      const { wasm, bytes } = this.instance;
      for (const word of words) {
        const utf8 = Buffer.from(word);
        assert(utf8.length <= WORD_BYTES_MAX, `BUG: ${word} is too long for a word of an outline`);
        bytes.set(utf8, unsigned(wasm.newWordAddress()));
        assert(wasm.addWord(utf8.length) !== 0, 'BUG: there are more words than outlines can have');
      }
    });
  }

  /** The outline of the object at [offset, offset + length), which is UTF-8; undefined when it has none. It is lent. */
  read(offset: number, length: number): Buffer | undefined {
    const bytes = unsigned(this.instance.wasm.outlineOf(offset, length));
    if (bytes === 0) return undefined;
    if (this.outline.length === 0) this.view();
    return this.outline.subarray(0, bytes);
  }

  /** Where the text stands that is the outline's `index`-th `s`, without its quotes. */
  textSpan(index: number): Span & { readonly has_escape: boolean } {
    const end = this.texts[2 * index + 1];
    return { start: this.texts[2 * index], end: (end & ~HAS_ESCAPE) >>> 0, has_escape: end >= HAS_ESCAPE };
  }

  /** Where the `index`-th object or array stands that is a member of the outermost object. */
  branchSpan(index: number): Span {
    return { start: this.branches[2 * index], end: this.branches[2 * index + 1] };
  }

  private view(): void {
    const { wasm, bytes } = this.instance;
    const { buffer } = bytes;
    this.outline = Buffer.from(buffer, unsigned(wasm.outlineAddress()));
    this.texts = new Uint32Array(buffer, unsigned(wasm.outlineTextsAddress()), 2 * TEXTS_MAX);
    this.branches = new Uint32Array(buffer, unsigned(wasm.outlineBranchesAddress()), 2 * BRANCHES_MAX);
  }
}

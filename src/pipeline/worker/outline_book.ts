/**
 * What a decoder learned of bodies by their outlines (`kernel/assembly/outline.ts`): the common body costs one look at its bytes, where
 * JSON.parse, AJV and the guard of the JSON column would look at each of its values. They have judged one body of each outline, and what
 * they say of it is true of all: the outline has everything that their verdicts depend on.
 *
 * Bounded in outlines, and in what is learned from one slab, since a sender whose bodies are all different would pay for nothing.
 */
import { isUtf8 } from 'node:buffer';
import { assert } from '../../base/assert.ts';
import { isRecord } from '../../base/json.ts';
import type { BodyPlace, OutlineBook, OutlineExample, OutlineText } from '../../contract/outline.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import { OutlineLessons } from './outline_lessons.ts';

/** Of at most 8 KiB each. */
const OUTLINES_MAX = 256;
const LESSONS_PER_SLAB_MAX = 8;
/** Begins the placeholder of a text; its place follows. */
const PLACEHOLDER = '$';
/** Texts with their quotes, marks of texts, and the one word with a mark in it. */
const TEXTS = /"[^"]*"|false|s/g;
const BRANCHES = /"[^"]*"|[{}[\]]/g;

export class KernelOutlineBook<Lesson> implements OutlineBook<Lesson> {
  private readonly lessons = new OutlineLessons<Lesson>(OUTLINES_MAX);
  private slab: Buffer = Buffer.alloc(0);
  private body: Buffer = Buffer.alloc(0);
  /** Of the body that was last asked for, while it is not known. */
  private unknown: Buffer | undefined;
  private lessons_left = 0;

  /** @param words what a verdict can depend on; undefined: on more than an outline has, and nothing is ever learned */
  constructor(
    private readonly kernel: Kernel,
    private readonly words: readonly string[] | undefined,
  ) {
    assert(!words?.some((word) => word.startsWith(PLACEHOLDER)), 'BUG: a word looks like a placeholder');
    kernel.outlines.addWords(words ?? []);
  }

  /** Begins a slab whose bytes the kernel has loaded. */
  begin(slab: Buffer): void {
    this.slab = slab;
    this.lessons_left = LESSONS_PER_SLAB_MAX;
  }

  find({ offset, length }: BodyPlace): Lesson | undefined {
    this.unknown = undefined;
    if (this.words === undefined) return undefined;
    const outline = this.kernel.outlines.read(offset, length);
    if (outline === undefined) return undefined;
    const lesson = this.lessons.find(outline);
    if (lesson === undefined) {
      this.unknown = Buffer.from(outline);
      return undefined;
    }
    this.body = this.slab.subarray(offset, offset + length);
    return isUtf8(this.body) ? lesson : undefined;
  }

  learn(teach: (example: OutlineExample) => Lesson): void {
    const { unknown } = this;
    if (unknown === undefined || this.lessons_left === 0) return;
    this.lessons_left--;
    this.unknown = undefined;
    this.lessons.add(unknown, teach(exampleOf(unknown.toString('utf8'))));
  }

  text(text: OutlineText): string {
    if (typeof text === 'string') return text;
    const { start, end, has_escape } = this.kernel.outlines.textSpan(text);
    const sent = this.slab.toString('utf8', start, end);
    if (!has_escape) return sent;
    const unescaped: string = JSON.parse(`"${sent}"`);
    return unescaped;
  }

  branchBytes(branch: number): Uint8Array {
    const { start, end } = this.kernel.outlines.branchSpan(branch);
    return this.slab.subarray(start, end);
  }

  bodyBytes(): Uint8Array {
    return this.body;
  }
}

function exampleOf(outline: string): OutlineExample {
  let texts = 0;
  const example = outline.replace(TEXTS, (token) => (token === 's' ? `"${PLACEHOLDER}${texts++}"` : token));
  const value: unknown = JSON.parse(example);
  assert(isRecord(value), 'BUG: the outline of an object is none');
  const branches = branchesOf(outline);
  return {
    value,
    textOf: (text) => (text.startsWith(PLACEHOLDER) ? Number(text.slice(PLACEHOLDER.length)) : text),
    branchOf: (name) => branches.get(name),
  };
}

/** The places of the objects and arrays that are members of the outermost object, by name. */
function branchesOf(outline: string): ReadonlyMap<string, number> {
  const branches = new Map<string, number>();
  let depth = 0;
  let branch = 0;
  let key = '';
  for (const [token] of outline.matchAll(BRANCHES)) {
    if (token === '}' || token === ']') depth--;
    else if (token === '{' || token === '[') {
      if (depth === 1) branches.set(key, branch++);
      depth++;
    } else if (depth === 1) key = token.slice(1, -1);
  }
  return branches;
}

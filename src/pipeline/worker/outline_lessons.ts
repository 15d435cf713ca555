/**
 * What was learned of bodies, by their outlines' bytes. Text as a key would have to be made, and hashed, for each body that is asked about: found is what
 * has the same few bytes, and then what is equal. Bounded; the oldest lesson goes first.
 */
interface Known<Lesson> {
  readonly outline: Buffer;
  readonly lesson: Lesson;
}

/** Bytes that are looked at to tell outlines apart, spread over the whole. */
const SAMPLES = 16;

export class OutlineLessons<Lesson> {
  private readonly by_sketch = new Map<number, Known<Lesson>[]>();
  /** In the order in which they came. */
  private readonly all: Known<Lesson>[] = [];

  constructor(private readonly count_max: number) {}

  find(outline: Buffer): Lesson | undefined {
    for (const known of this.by_sketch.get(sketchOf(outline)) ?? NONE) if (outline.equals(known.outline)) return known.lesson;
    return undefined;
  }

  /** @param outline that is not there; kept */
  add(outline: Buffer, lesson: Lesson): void {
    if (this.all.length === this.count_max) this.forgetOldest();
    const known = { outline, lesson };
    const sketch = sketchOf(outline);
    this.all.push(known);
    this.by_sketch.set(sketch, [...(this.by_sketch.get(sketch) ?? []), known]);
  }

  private forgetOldest(): void {
    const oldest = this.all.shift();
    if (oldest === undefined) return;
    const sketch = sketchOf(oldest.outline);
    const rest = (this.by_sketch.get(sketch) ?? []).filter((known) => known !== oldest);
    if (rest.length === 0) this.by_sketch.delete(sketch);
    else this.by_sketch.set(sketch, rest);
  }
}

const NONE: readonly never[] = [];

function sketchOf(outline: Buffer): number {
  const { length } = outline;
  const step = length / SAMPLES;
  let sketch = length;
  for (let sample = 0; sample < SAMPLES; sample++) sketch = (Math.imul(sketch, 31) + outline[Math.floor(sample * step)]) | 0;
  return sketch;
}

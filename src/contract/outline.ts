/** Outlines of bodies: what many bodies of one sender have in common, and what a decoder learned of them by it. */

/** A text of a body: itself where it is the same in all bodies of one outline, else its place, by which that of the body in hand is asked for. */
export type OutlineText = string | number;

/** An object with the outline of others: each text that is not the same in all of them is a placeholder. */
export interface OutlineExample {
  readonly value: Readonly<Record<string, unknown>>;
  /** What a text of `value` says. */
  textOf(text: string): OutlineText;
  /** The place of the last object or array that is the member of that name; undefined without one. */
  branchOf(name: string): number | undefined;
}

/** Where a body stands in its slab. */
export interface BodyPlace {
  readonly offset: number;
  readonly length: number;
}

/**
 * What was learned of bodies by their outlines. Bodies of one outline are valid together or not at all, have the same keys in the same order,
 * and are all the JSON that ClickHouse's JSON type takes if one of them is.
 */
export interface OutlineBook<Lesson> {
  /** What was learned of bodies like this one, which is then in hand until the next call; undefined when it must be read. */
  find(request: BodyPlace): Lesson | undefined;
  /** Notes what is true of all bodies like the one that `find` was last asked for and did not know. Unless it has no outline. */
  learn(teach: (example: OutlineExample) => Lesson): void;
  /** A text of the body in hand. */
  text(text: OutlineText): string;
  /** Bytes of the body in hand, which are lent. */
  branchBytes(branch: number): Uint8Array;
  bodyBytes(): Uint8Array;
}

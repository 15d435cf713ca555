/**
 * Recognises the usual document in less time than it takes to read it: one that is exactly what JSON.stringify makes of its value has
 * no key twice and no spaces, so that only what a pattern can find is left to look for. It never says yes to what the guard's reader
 * refuses; whatever else there is, that one decides.
 */

/** So short that it cannot have more than the thousand keys that need no counting. */
const CHARACTERS_MAX = 6_000;
/** An escaped unit or quote, a number that may be beyond 64 bits, a key with a dot. */
const NEEDS_READING = /\\[u"]|[0-9]{16}|\.[^"]*":/;

/**
 * Whether the text is such a document; false says nothing about it.
 *
 * @param value what JSON.parse makes of it, and nests no deeper than the guard allows: depth is not looked at here
 */
export function isPlainDocument(text: string, value: object): boolean {
  return text.startsWith('{') && text.length <= CHARACTERS_MAX && !NEEDS_READING.test(text) && JSON.stringify(value) === text;
}

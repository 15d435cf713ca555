/**
 * Assertions: the answer to a rule of our own that we broke. The process stops, loudly.
 *
 * What the world can do to us (a full disk, a wrong body) is an `OperatingError` of `contract/errors.ts` instead.
 */
import { AssertionError } from 'node:assert';

/** Throws when `condition` is false; `message` begins with `BUG:` and says which rule was broken. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionError({ message, stackStartFn: assert });
}

/** The `default` of a switch that handles every case: the compiler holds it, and this holds it at run time. */
export function unreachable(value: never): never {
  throw new AssertionError({ message: `BUG: a case that cannot be was reached: ${String(value)}`, stackStartFn: unreachable });
}

/**
 * What stands between members and between events: nothing but what must, or a space behind each comma (and behind each colon), as senders' libraries
 * have it. The quick way (`texts.ts`) expects the one that the last events had; anything else is taken one by one.
 */
import { COMMA_AND_QUOTE } from './text';

/** `, "` */
const SPACED_MEMBER: u32 = 0x22_202c;
/** `},{"`, and `}, {"` */
const EVENT: u64 = 0x227b_2c7d;
const SPACED_EVENT: u64 = 0x22_7b20_2c7d;

let uses_spaces: bool = false;

export function usesSpaces(): bool {
  return uses_spaces;
}

export function setSpaces(are_used: bool): void {
  uses_spaces = are_used;
}

/** From the end of a member's value to behind the quote of the next key: the bytes, the bits of a u32 that they take, and their number. */
export function memberSeparator(): u32 {
  return uses_spaces ? SPACED_MEMBER : COMMA_AND_QUOTE;
}

export function memberSeparatorMask(): u32 {
  return uses_spaces ? 0xff_ffff : 0xffff;
}

export function memberSeparatorBytes(): u32 {
  return uses_spaces ? 3 : 2;
}

/** Behind the quote of the first key of an event that follows the one whose brace should be at `at`; 0 when it is not there. */
export function eventSeparatorEnd(at: u32): u32 {
  const bytes = load<u64>(at);
  if (!uses_spaces) return (bytes & 0xffff_ffff) === EVENT ? at + 4 : 0;
  return (bytes & 0xff_ffff_ffff) === SPACED_EVENT ? at + 5 : 0;
}

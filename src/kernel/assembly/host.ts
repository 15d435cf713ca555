/** The appends that the host calls when it judged an event itself: columns by number, texts in the scratch space. */
import { appendTime, appendUuid, columnAddress } from './columns';
import { appendTextTo } from './dictionary';
import { digestAddress } from './hash';
import { inputAddress } from './memory';
import { identify } from './row';

/** Whether an append of the slab failed. */
let is_exhausted: bool = false;

export function clearExhausted(): void {
  is_exhausted = false;
}

/** Whether there was no memory for something that the host wanted to append. */
export function isExhausted(): bool {
  return is_exhausted;
}

function note(is_done: bool): void {
  if (!is_done) is_exhausted = true;
}

export function appendText(column: u32, address: u32, length: u32): void {
  note(appendTextTo(columnAddress(column), address, length));
}

export function appendTimeMs(column: u32, time_ms: f64): void {
  note(appendTime(columnAddress(column), time_ms));
}

/** Appends what is in the digest. */
export function appendDigest(column: u32): void {
  note(appendUuid(columnAddress(column), digestAddress()));
}

/** Leaves the identity of the event in [offset, offset + length) of the input in the digest; the request's seed is set. */
export function identifyElement(offset: u32, length: u32): void {
  note(identify(inputAddress() + offset, length));
}

/** Notes that the host found no room. */
export function noteExhausted(): void {
  is_exhausted = true;
}

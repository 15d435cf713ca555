/**
 * The appends that the host calls when it judged an event itself: columns by number, texts in the scratch space. Where there was
 * no memory, `isExhausted` says so.
 */
import { appendTime, appendUuid, columnAddress } from './columns';
import { appendTextTo, holdsText } from './dictionary';
import { digestAddress } from './hash';
import { identityOf } from './identity';
import { inputAddress } from './memory';
import { requestSeed } from './row';

export function appendText(column: u32, address: u32, length: u32): void {
  appendTextTo(columnAddress(column), address, length);
}

/** Whether a row of the request in hand has the text in a dictionary column. */
export function holdsTextOf(column: u32, address: u32, length: u32): bool {
  return holdsText(columnAddress(column), address, length);
}

export function appendTimeMs(column: u32, time_ms: f64): void {
  appendTime(columnAddress(column), time_ms, 1);
}

/** Appends what is in the digest. */
export function appendDigest(column: u32): void {
  appendUuid(columnAddress(column), digestAddress());
}

/** Leaves the identity of the event in [offset, offset + length) of the input in the digest; the request's seed is set. */
export function identifyElement(offset: u32, length: u32): void {
  v128.store(digestAddress(), identityOf(requestSeed(), inputAddress() + offset, length));
}

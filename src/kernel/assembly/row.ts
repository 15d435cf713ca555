/** Writes the event that `element.ts` has read as one row of its table. */
import { appendBytes, appendTime, appendUuid, columnAddress } from './columns';
import { appendIndex, appendTextTo, entryOf } from './dictionary';
import { countDigest } from './digests';
import { hasText, textAddress, textLength } from './element';
import { digestAddress, hash } from './hash';
import {
  STEP_CONSTANT,
  STEP_FIELD,
  STEP_IDENTITY,
  STEP_JSON,
  STEP_TIME,
  stepAddress,
  stepArgument,
  stepColumn,
  stepCount,
  stepKind,
} from './program';

const CONSTANTS_MAX: u32 = 8;
const DIGITS_MAX: u32 = 10;

/** What the host says of the request: the f64 time of its receipt, 16 bytes of seed, address and length of its constants. */
const request = <u32>memory.data(32 + 8 * 8, 16);
/** The entry of each constant in its column; below zero as long as it is not known to be there. */
const constant_entries = <u32>memory.data(4 * 8, 4);
/** What a JSON column has where the event has nothing. */
const EMPTY_OBJECT = <u32>memory.data<u8>([0x7b, 0x7d], 16);
const digits = <u32>memory.data(10);

export function requestAddress(): u32 {
  return request;
}

export function beginRows(): void {
  memory.fill(constant_entries, 0xff, CONSTANTS_MAX << 2);
}

/** Appends the event that was read from [start, end); false when there is no memory. */
export function appendRow(start: u32, end: u32): bool {
  const count = stepCount();
  for (let index: u32 = 0; index < count; index++) {
    const step = stepAddress(index);
    const column = columnAddress(stepColumn(step));
    const argument = stepArgument(step);
    const kind = stepKind(step);
    let is_done: bool;
    if (kind === STEP_FIELD) is_done = appendField(column, argument);
    else if (kind === STEP_CONSTANT) is_done = appendConstant(column, argument);
    else if (kind === STEP_JSON) is_done = appendJson(column, argument);
    else if (kind === STEP_IDENTITY) is_done = identify(start, end - start) && appendUuid(column, digestAddress());
    else if (kind === STEP_TIME) is_done = appendTime(column, load<f64>(request));
    else is_done = appendTextTo(column, start, 0);
    if (!is_done) return false;
  }
  return true;
}

function appendField(column: u32, field: u32): bool {
  return hasText(field) ? appendTextTo(column, textAddress(field), textLength(field)) : appendTextTo(column, request, 0);
}

function appendJson(column: u32, field: u32): bool {
  return hasText(field) ? appendBytes(column, textAddress(field), textLength(field)) : appendBytes(column, EMPTY_OBJECT, 2);
}

function appendConstant(column: u32, constant: u32): bool {
  const known = constant_entries + (constant << 2);
  let entry = load<i32>(known);
  if (entry < 0) {
    const text = request + 32 + (constant << 3);
    entry = entryOf(column, load<u32>(text), load<u32>(text, 4));
    if (entry < 0) return false;
    store<i32>(known, entry);
  }
  return appendIndex(column, entry);
}

/** Leaves the event's identity in the digest: the hash of its bytes, hashed on with its ordinal if it is not the first such. */
export function identify(address: u32, length: u32): bool {
  const digest = digestAddress();
  v128.store(digest, v128.load(request, 16));
  hash(address, length);
  const ordinal = countDigest(digest);
  if (ordinal > 0) hashOrdinal(ordinal);
  return ordinal >= 0;
}

/** Hashes the decimal digits of a number with the digest as seed. */
function hashOrdinal(ordinal: u32): void {
  const end = digits + DIGITS_MAX;
  let at = end;
  let rest = ordinal;
  do {
    store<u8>(--at, 0x30 + (rest % 10));
    rest /= 10;
  } while (rest > 0);
  hash(at, end - at);
}

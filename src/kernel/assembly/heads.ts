/**
 * Heads: the key of a field with what stands before its text, as one comparison of 16 bytes. They are where `program.ts` says, and depend on what the
 * sender puts between a key and its text (`separators.ts`). A key that is too long for one has a head that no UTF-8 is equal to.
 */
import { FIELD_BYTES, fieldsEnd, firstField, selectProgram } from './program';
import { setSpaces, usesSpaces } from './separators';
import { COLON, QUOTE, SPACE } from './text';

const HEAD_BYTES: u32 = 16;
/** What a comparison of 16 bytes gives where all are equal, and what none gives. */
const ALL_EQUAL: u32 = 0xffff;
const NEVER: u32 = 0x1_0000;
/** What `matchHead` gives where the key is there with a text. */
export const WHOLE_HEAD: u32 = 0xffff;

/** Makes ready for bodies that are read as the program says. */
export function beginProgram(address: u32): void {
  if (selectProgram(address)) writeHeads();
}

/** From now on the heads of fields are expected with a space behind the colon, or without. */
export function expectSpaces(are_expected: bool): void {
  if (are_expected === usesSpaces()) return;
  setSpaces(are_expected);
  writeHeads();
}

function writeHeads(): void {
  for (let field = firstField(); field < fieldsEnd(); field += FIELD_BYTES) writeHead(field);
}

function writeHead(field: u32): void {
  const key_bytes = load<u32>(field, 48);
  const length = key_bytes + 3 + <u32>usesSpaces();
  store<u32>(field, length, 52);
  if (length > HEAD_BYTES) {
    v128.store(field, i8x16.splat(-1), 16);
    store<u32>(field, 0, 32);
    store<u32>(field, NEVER, 92);
    return;
  }
  v128.store(field, v128.load(field), 16);
  const behind_key = field + 16 + key_bytes;
  store<u8>(behind_key, QUOTE);
  store<u8>(behind_key, COLON, 1);
  if (usesSpaces()) store<u8>(behind_key, SPACE, 2);
  store<u8>(field + 15 + length, QUOTE);
  store<u32>(field, ALL_EQUAL ^ ((1 << length) - 1), 32);
  store<u32>(field, ALL_EQUAL ^ (1 << (length - 1)), 92);
}

export function headLength(field: u32): u32 {
  return load<u32>(field, 52);
}

/** Compares bytes from behind a quote on with the field's head: WHOLE_HEAD, what `isKeyAlone` knows, or something else. */
export function matchHead(field: u32, bytes: v128): u32 {
  return i8x16.bitmask(i8x16.eq(bytes, v128.load(field, 16))) | load<u32>(field, 32);
}

/** Whether the key is the field's, but no text is right behind its colon. */
export function isKeyAlone(field: u32, matching: u32): bool {
  return matching === load<u32>(field, 92);
}

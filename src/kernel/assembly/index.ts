/**
 * What workers do byte by byte, in WebAssembly: from a request's bytes to the columns of a block, in one pass over the common
 * shape of a body (`body.ts`, `lines.ts`, `element.ts`, `texts.ts`, `events.ts`, `fields.ts`, `row.ts`); and what the slow path needs of it (`scan.ts`, `host.ts`).
 *
 * Memory: the host copies a slab's bytes to `inputAddress()` after `reserve(input_bytes)`. Offsets that cross the border are
 * relative to the input, addresses are not. The input is followed by zero bytes, so that a 16-byte load that starts inside the
 * input never leaves the memory. Whatever `reserve` was not told to keep is gone with the next slab.
 */
import { clearColumns } from './columns';
import { clearDigests } from './digests';
import { clearScratch } from './fields';
import { hash as hashAt } from './hash';
import { beginShapes } from './json_shape';
import { inputAddress, reserveInput } from './memory';
import { clearNames } from './names';
import { clearTable, setElement } from './scan';
import { forgetTexts } from './text_cache';

export { beginRequest, readBody, resumeBody } from './body';
export { createColumn } from './columns';
export { rollBack } from './dictionary';
export { scratchAddress } from './fields';
export { descriptionsAddress, finishColumns } from './finish';
export { digestAddress } from './hash';
export { appendDigest, appendText, appendTimeMs, holdsTextOf, identifyElement } from './host';
export { secretAddress } from './keyed_hash';
export { readLines, resumeLines } from './lines';
export { allocate, inputAddress, install, isExhausted } from './memory';
export { addWord, newWordAddress, outlineAddress, outlineBranchesAddress, outlineOf, outlineTextsAddress } from './outline';
export { requestAddress, rowsRead } from './row';
export { findMember, scanBatch, tableAddress } from './scan';
export { readTexts } from './texts';

/** Makes room for a slab and begins anew with empty columns; false when there is no memory. */
export function reserve(input_bytes: u32): bool {
  clearColumns();
  forgetTexts();
  clearDigests();
  clearNames();
  beginShapes();
  clearScratch();
  clearTable();
  return reserveInput(input_bytes);
}

/** Makes [offset, offset + length) of the input the table's only element; false when there is no memory. */
export function setElementAt(offset: u32, length: u32): bool {
  const start = inputAddress() + offset;
  return setElement(start, start + length);
}

/** Hashes `length` bytes at `offset` of the input with the seed that is in the digest; the result takes its place. */
export function hash(offset: u32, length: u32): void {
  hashAt(inputAddress() + offset, length);
}

/**
 * A vector: bytes that grow. Three addresses, wherever its owner has them: of its first byte, behind its last, behind its room.
 * So that who appends needs no more than the second.
 */
import { allocate, noteExhausted } from './memory';

export const VECTOR_BYTES: u32 = 12;
/** Untouched room costs nothing, and growing copies. */
const ROOM_BYTES_MIN: u32 = 16384;

/** Begins anew with no memory, after the arena was. */
export function clearVector(vector: u32): void {
  store<u32>(vector, 0);
  store<u32>(vector, 0, 4);
  store<u32>(vector, 0, 8);
}

export function vectorStart(vector: u32): u32 {
  return load<u32>(vector);
}

export function vectorEnd(vector: u32): u32 {
  return load<u32>(vector, 4);
}

export function setVectorEnd(vector: u32, end: u32): void {
  store<u32>(vector, end, 4);
}

export function vectorUsed(vector: u32): u32 {
  return load<u32>(vector, 4) - load<u32>(vector);
}

export function setVectorUsed(vector: u32, used: u32): void {
  store<u32>(vector, load<u32>(vector) + used, 4);
}

/** Bytes that can be added. */
export function vectorRoom(vector: u32): u32 {
  return load<u32>(vector, 8) - load<u32>(vector, 4);
}

/** Makes sure that so many bytes can be added; false when there is no memory. Where the vector begins may change. */
export function makeRoom(vector: u32, bytes: u32): bool {
  return vectorRoom(vector) >= bytes || grow(vector, bytes);
}

function grow(vector: u32, bytes: u32): bool {
  const used = vectorUsed(vector);
  const room = max(max(<u64>used + bytes, <u64>(load<u32>(vector, 8) - load<u32>(vector)) * 2), <u64>ROOM_BYTES_MIN);
  if (room > 0xffff_ffff) {
    noteExhausted();
    return false;
  }
  const address = allocate(<u32>room);
  if (address === 0) return false;
  memory.copy(address, vectorStart(vector), used);
  store<u32>(vector, address);
  store<u32>(vector, address + used, 4);
  store<u32>(vector, address + <u32>room, 8);
  return true;
}

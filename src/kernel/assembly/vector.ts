/** A vector: bytes that grow. Three words, wherever its owner has them: address, bytes used, bytes of room. */
import { allocate } from './memory';

export const VECTOR_BYTES: u32 = 12;
const ROOM_BYTES_MIN: u32 = 1024;

/** Begins anew with no memory, after the arena was. */
export function clearVector(vector: u32): void {
  store<u32>(vector, 0);
  store<u32>(vector, 0, 4);
  store<u32>(vector, 0, 8);
}

export function vectorAddress(vector: u32): u32 {
  return load<u32>(vector);
}

export function vectorUsed(vector: u32): u32 {
  return load<u32>(vector, 4);
}

export function setVectorUsed(vector: u32, used: u32): void {
  store<u32>(vector, used, 4);
}

/** Makes sure that so many bytes can be added; false when there is no memory. */
export function makeRoom(vector: u32, bytes: u32): bool {
  if (<u64>vectorUsed(vector) + bytes <= <u64>load<u32>(vector, 8)) return true;
  return grow(vector, bytes);
}

function grow(vector: u32, bytes: u32): bool {
  const used = vectorUsed(vector);
  const room = max(max(<u64>used + bytes, <u64>load<u32>(vector, 8) * 2), <u64>ROOM_BYTES_MIN);
  if (room > 0xffff_ffff) return false;
  const address = allocate(<u32>room);
  if (address === 0) return false;
  memory.copy(address, vectorAddress(vector), used);
  store<u32>(vector, address);
  store<u32>(vector, <u32>room, 8);
  return true;
}

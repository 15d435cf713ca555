/**
 * What workers do byte by byte, in WebAssembly: finding the elements of a batch, and hashing them.
 *
 * Memory: the host copies a slab's bytes to `inputAddress()` after `reserve(input_bytes)`, and reads the element table at
 * `tableAddress()`. All offsets that cross the border are relative to the input. The input is followed by 16 zero bytes, so
 * that a 16-byte load that starts inside the input never leaves the memory.
 */

export { digestAddress, hash } from './hash';
export { inputAddress, reserve, tableAddress } from './memory';
export { findMember, scanBatch } from './scan';

/** Which of two formats `deflate` names: RFC 9110 means zlib's, some senders mean raw deflate. A zlib header's check sum tells them apart. */

/** How much of a body shows it. */
export const ZLIB_HEAD_BYTES = 2;

export function isZlibFormat(bytes: Uint8Array): boolean {
  return bytes.length >= ZLIB_HEAD_BYTES && (bytes[0] & 15) === 8 && (bytes[0] * 256 + bytes[1]) % 31 === 0;
}

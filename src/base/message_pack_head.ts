/**
 * Heads of MessagePack values (https://github.com/msgpack/msgpack/blob/master/spec.md): what follows, and how much of it. Enough to walk
 * over a document without building anything of it.
 */

export type HeadKind = 'literal' | 'integer' | 'float' | 'text' | 'array' | 'map' | 'foreign';

/** `count` is of bytes for a leaf, of values for an array, of pairs for a map; `bytes` is the length of the head itself. */
export interface Head {
  readonly kind: HeadKind;
  readonly count: number;
  readonly bytes: number;
}

/** Heads whose count is in the bytes after the first, by that first byte: the width of the count in bytes. */
const COUNTED: ReadonlyMap<number, { readonly kind: HeadKind; readonly width: number; readonly extra: number }> = new Map([
  [0xc4, { kind: 'foreign', width: 1, extra: 0 }],
  [0xc5, { kind: 'foreign', width: 2, extra: 0 }],
  [0xc6, { kind: 'foreign', width: 4, extra: 0 }],
  [0xc7, { kind: 'foreign', width: 1, extra: 1 }],
  [0xc8, { kind: 'foreign', width: 2, extra: 1 }],
  [0xc9, { kind: 'foreign', width: 4, extra: 1 }],
  [0xd9, { kind: 'text', width: 1, extra: 0 }],
  [0xda, { kind: 'text', width: 2, extra: 0 }],
  [0xdb, { kind: 'text', width: 4, extra: 0 }],
  [0xdc, { kind: 'array', width: 2, extra: 0 }],
  [0xdd, { kind: 'array', width: 4, extra: 0 }],
  [0xde, { kind: 'map', width: 2, extra: 0 }],
  [0xdf, { kind: 'map', width: 4, extra: 0 }],
]);

/** What stands at `at`; undefined when the bytes end before that is clear, or no format begins so. */
export function readHead(bytes: Buffer, at: number): Head | undefined {
  if (at >= bytes.length) return undefined;
  const first = bytes[at];
  if (first < 0x80 || first >= 0xe0) return { kind: 'integer', count: 0, bytes: 1 };
  if (first < 0x90) return { kind: 'map', count: first & 15, bytes: 1 };
  if (first < 0xa0) return { kind: 'array', count: first & 15, bytes: 1 };
  if (first < 0xc0) return { kind: 'text', count: first & 31, bytes: 1 };
  if (first === 0xc0 || first === 0xc2 || first === 0xc3) return { kind: 'literal', count: 0, bytes: 1 };
  if (first === 0xca || first === 0xcb) return { kind: 'float', count: first === 0xca ? 4 : 8, bytes: 1 };
  if (first >= 0xcc && first <= 0xd3) return { kind: 'integer', count: 1 << (first & 3), bytes: 1 };
  if (first >= 0xd4 && first <= 0xd8) return { kind: 'foreign', count: 1 + (1 << (first - 0xd4)), bytes: 1 };
  const counted = COUNTED.get(first);
  if (counted === undefined || at + 1 + counted.width > bytes.length) return undefined;
  const { kind, width, extra } = counted;
  return { kind, count: bytes.readUIntBE(at + 1, width) + extra, bytes: 1 + width };
}

/** The longest head in bytes. */
export const HEAD_BYTES_MAX = 5;

export function isContainer({ kind }: Head): boolean {
  return kind === 'array' || kind === 'map';
}

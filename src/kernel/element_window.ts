/**
 * The host's side of `assembly/cutting/`: a window over the elements of a JSON array while it arrives. Each has an instance, and so a
 * memory, of its own: as much as a piece, the largest element and one part of the body take.
 */
import { readFileSync } from 'node:fs';
import { assert } from '../base/assert.ts';
import { installedFile } from '../base/installation.ts';
import { unsigned } from './instance.ts';

interface CuttingExports {
  readonly memory: WebAssembly.Memory;
  begin(piece_bytes_max: number, element_bytes_max: number, depth_max: number): void;
  dropPiece(): void;
  elementsSkipped(): number;
  pieceBytes(): number;
  read(bytes: number): number;
  room(bytes: number): number;
  unread(): number;
  windowAddress(): number;
}

/**
 * What the window stopped at: the end of what it was given; an element that does not fit into the piece in hand; the array's end; a place
 * without an element; too many open brackets.
 */
const STOPS = ['more', 'piece', 'ended', 'nothing', 'too_deep'] as const;
export type WindowStop = (typeof STOPS)[number];

/** As in `assembly/cutting/`. */
const FRONT_BYTES = 64;
const MODULE = new WebAssembly.Module(readFileSync(installedFile('dist/src/kernel/cutting.wasm')));

function isCuttingExports(exports: object): exports is CuttingExports {
  return ['memory', 'begin', 'read', 'room', 'dropPiece'].every((name) => name in exports);
}

export class ElementWindow {
  private readonly exports: CuttingExports;
  /** Made anew when the memory has grown. */
  private bytes = Buffer.alloc(0);
  /** What a piece has before and behind it. */
  private prefix = Buffer.alloc(0);
  private suffix = Buffer.alloc(0);

  constructor() {
    const { exports } = new WebAssembly.Instance(MODULE, {});
    assert(isCuttingExports(exports), 'BUG: cutting.wasm does not export what element_window.ts calls');
    this.exports = exports;
  }

  /** Begins anew, behind the bracket that opens the array which is the member `name` of an object; so it is in the pieces. */
  begin(name: string, limits: { readonly piece_bytes_max: number; readonly event_bytes_max: number; readonly depth_max: number }): void {
    this.prefix = Buffer.from(`{${JSON.stringify(name)}:[`);
    this.suffix = Buffer.from(']}');
    assert(this.prefix.length <= FRONT_BYTES, 'BUG: the name of an array is too long for the room before its elements');
    this.exports.begin(limits.piece_bytes_max, limits.event_bytes_max, limits.depth_max);
  }

  /** Takes a part, of which there is room for the whole; it is copied. */
  append(part: Uint8Array): WindowStop {
    const address = unsigned(this.exports.room(part.length + this.suffix.length));
    assert(address !== 0, 'BUG: the window is larger than its limits allow');
    this.view().set(part, address);
    return this.stop(part.length);
  }

  /** Goes on where it stopped. */
  goOn(): WindowStop {
    return this.stop(0);
  }

  /** Lends the piece to `use`; its bytes are to be copied. Nothing is lent when it has no element. */
  lendPiece(use: (piece: Uint8Array) => void): void {
    const piece_bytes = this.exports.pieceBytes();
    if (piece_bytes === 0) return;
    const { prefix, suffix } = this;
    const start = unsigned(this.exports.windowAddress());
    const end = start + piece_bytes;
    const bytes = this.view();
    bytes.set(prefix, start - prefix.length);
    const behind = Buffer.from(bytes.subarray(end, end + suffix.length));
    bytes.set(suffix, end);
    use(bytes.subarray(start - prefix.length, end + suffix.length));
    this.view().set(behind, end);
  }

  dropPiece(): void {
    this.exports.dropPiece();
  }

  /** Bytes at the end of the last part that are behind the array. */
  unreadBytes(): number {
    return this.exports.unread();
  }

  /** Elements that were too large and are in no piece. */
  elementsSkipped(): number {
    return this.exports.elementsSkipped();
  }

  private stop(bytes: number): WindowStop {
    const stop = STOPS[this.exports.read(bytes)];
    assert(stop !== undefined, 'BUG: cutting.wasm stops for a reason that element_window.ts does not know');
    return stop;
  }

  private view(): Buffer {
    if (this.bytes.length === 0) this.bytes = Buffer.from(this.exports.memory.buffer);
    return this.bytes;
  }
}

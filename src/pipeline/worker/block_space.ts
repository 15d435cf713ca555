/** Where a slab's blocks go, one behind the other: the output that came with the task, or a larger one when they do not fit. */
import type { SlabResult } from '../../contract/slab.ts';

type PlacedBlock = SlabResult['blocks'][number];

const SPACE_BYTES_MIN = 64 * 1024;

export class BlockSpace {
  readonly blocks: PlacedBlock[] = [];
  bytes: Buffer;
  private used = 0;

  constructor(private output: SharedArrayBuffer) {
    this.bytes = Buffer.from(output);
  }

  /** Room for a block of one row of `table`: its offset in `bytes`. */
  place(table: string, bytes: number): number {
    const offset = this.used;
    this.makeRoom(offset + bytes);
    this.used += bytes;
    this.blocks.push({ table, offset, bytes, rows: 1 });
    return offset;
  }

  result(): Pick<SlabResult, 'output' | 'blocks'> {
    return { output: this.output, blocks: this.blocks };
  }

  private makeRoom(bytes_needed: number): void {
    if (bytes_needed <= this.bytes.length) return;
    const output = new SharedArrayBuffer(2 ** Math.ceil(Math.log2(Math.max(bytes_needed, SPACE_BYTES_MIN))));
    const larger = Buffer.from(output);
    larger.set(this.bytes.subarray(0, this.used));
    this.output = output;
    this.bytes = larger;
  }
}

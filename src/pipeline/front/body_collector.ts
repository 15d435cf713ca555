/**
 * Collects a body that comes in several chunks. Memory grows with what has arrived, not with what was announced, so that a
 * client that announces much and sends little holds little.
 */
const CAPACITY_BYTES_MIN = 16 * 1024;

export class BodyCollector {
  private bytes = new Uint8Array(0);
  private used = 0;

  /** Copies the chunk, which is only valid during the callback that brought it. `expected_bytes`: -1 when unknown. */
  add(chunk: Uint8Array, expected_bytes: number): void {
    const needed = this.used + chunk.length;
    if (needed > this.bytes.length) this.grow(needed, expected_bytes);
    this.bytes.set(chunk, this.used);
    this.used = needed;
  }

  collected(): Uint8Array {
    return this.bytes.subarray(0, this.used);
  }

  private grow(needed: number, expected_bytes: number): void {
    const doubled = Math.max(CAPACITY_BYTES_MIN, this.bytes.length * 2);
    const capacity = expected_bytes >= needed ? Math.min(doubled, expected_bytes) : doubled;
    const grown = new Uint8Array(Math.max(needed, capacity));
    grown.set(this.bytes.subarray(0, this.used));
    this.bytes = grown;
  }
}

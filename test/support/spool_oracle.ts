/**
 * ClickHouse as the spool's tests play it: keeps the rows of each segment, and is asked by count where there is a doubt. It takes segments with the
 * very calls that delivery makes, in their order, any of which may fail.
 */
import assert from 'node:assert/strict';
import type { SealedSegment } from '../../src/contract/segment.ts';
import type { Held } from '../unit/pipeline/spool/fixtures.ts';

export class SpoolOracle {
  /** The names of the rows by the segment they came in. */
  readonly inserted = new Map<string, readonly string[]>();

  /**
   * One segment's way: open, token, INSERT, removal. Rejects where the disk does; then it is met again after the next start.
   *
   * @param removes false: delivery dies before the removal
   */
  async deliver(held: Held, segment: SealedSegment, removes = true): Promise<void> {
    if (segment.tokens === 0) assert.ok(!this.inserted.has(segment.id), `${segment.id} was sent, and says that it never was`);
    if (!this.inserted.has(segment.id)) {
      const { rows } = await held.nativeOf(segment);
      assert.equal(rows.length, segment.rows);
      await held.spool.takeToken(segment);
      this.inserted.set(
        segment.id,
        rows.map((row) => row['name'] ?? ''),
      );
    }
    if (removes) await held.spool.retire(segment);
  }

  /** All rows, segment by segment in the order in which they came. */
  names(): string[] {
    return [...this.inserted.values()].flat();
  }

  /** Every acknowledged row once, and no row twice. */
  check(acknowledged: Iterable<string>, when: string): void {
    const names = this.names();
    const present = new Set(names);
    assert.equal(present.size, names.length, `${when}: a row was inserted twice`);
    const missing = [...acknowledged].filter((name) => !present.has(name));
    assert.deepEqual(missing, [], when);
  }
}

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { garbageCollector } from '../../../src/base/heap_growth.ts';
import { isRecord } from '../../../src/base/json.ts';
import { loadMallocTrim } from '../../../src/base/malloc_trim.ts';
import { until } from '../../support/until.ts';

const PIECES = 2000;
const PIECE_BYTES = 60_000;
/** Of what was freed; the rest stands in the way between what is kept. */
const RETURNED_SHARE_MIN = 0.5;
const RETURNED_MS_MAX = 5_000;

test('freed memory between what is kept goes back to the system', async () => {
  const collect = garbageCollector();
  const malloc_trim = await loadMallocTrim();
  const kept: Uint8Array[] = [];
  const hold = (): void => {
    const held = Array.from({ length: PIECES }, () => new Uint8Array(PIECE_BYTES).fill(1));
    kept.push(...held.filter((_piece, index) => index % 50 === 0));
  };
  hold();
  // A turn later nothing refers to them any more; V8 frees them on a thread of its own.
  await new Promise(setImmediate);
  collect();
  const before_bytes = process.memoryUsage.rss();
  if (!isGlibc()) {
    malloc_trim();
    return;
  }
  await until('half of it has gone back', RETURNED_MS_MAX, () => {
    malloc_trim();
    return before_bytes - process.memoryUsage.rss() > PIECES * PIECE_BYTES * RETURNED_SHARE_MIN;
  });
  assert.ok(kept.length > 0);
});

/** Other C libraries keep nothing. */
function isGlibc(): boolean {
  const report: unknown = process.report.getReport();
  return isRecord(report) && isRecord(report['header']) && report['header']['glibcVersionRuntime'] !== undefined;
}

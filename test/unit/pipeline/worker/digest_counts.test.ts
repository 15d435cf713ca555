import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DigestCounts } from '../../../../src/pipeline/worker/digest_counts.ts';

test('each digest is counted by itself, also where many fall into the same slots', () => {
  const counts = new DigestCounts();
  const digests = Array.from({ length: 2000 }, (_, index) => Uint32Array.of(index % 3, index, index % 7, 1));
  counts.begin(digests.length * 3);
  for (let round = 0; round < 3; round++) {
    for (const digest of digests) assert.equal(counts.add(digest), round);
  }
});

test('a new request begins at nothing, be it larger or smaller than the one before', () => {
  const counts = new DigestCounts();
  const digest = Uint32Array.of(1, 2, 3, 4);
  for (const room of [10, 5000, 2, 70_000, 1]) {
    counts.begin(room);
    assert.equal(counts.add(digest), 0);
    assert.equal(counts.add(digest), 1);
  }
});

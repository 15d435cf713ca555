import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type DayCounts, KeyMeters } from '../../../../src/pipeline/admission/key_meters.ts';
import { QUOTA_FILE_NAME, QuotaBook } from '../../../../src/pipeline/admission/quota_book.ts';
import { ManualClock } from '../../../support/manual_clock.ts';
import { until } from '../../../support/until.ts';

class CountedMeters extends KeyMeters {
  given: DayCounts | undefined;
  now: DayCounts = { day: 7, events: {} };

  override restore(counts: DayCounts): void {
    this.given = counts;
  }

  override counts(): DayCounts {
    return this.now;
  }
}

async function makeBook(context: TestContext) {
  const directory = await mkdtemp(join(tmpdir(), 'penstock-quota-'));
  context.after(() => rm(directory, { recursive: true, force: true }));
  const clock = new ManualClock(0);
  const failures: string[] = [];
  const open = (): { book: QuotaBook; meters: CountedMeters } => {
    const limits = { events_per_second: 0, bytes_per_second: 0, burst_seconds: 1, events_per_day: 0 };
    const meters = new CountedMeters({ clock, random: { fraction: () => 0, uuid: () => '' } }, limits);
    return { meters, book: new QuotaBook(directory, { meters, clock, failed: (reason) => failures.push(reason) }) };
  };
  return { directory, path: join(directory, QUOTA_FILE_NAME), clock, failures, open };
}

test('counts are written while the daemon runs and when it ends, and read at the next start', async (context) => {
  const { path, clock, failures, open } = await makeBook(context);
  const { book, meters } = open();
  await book.start();
  assert.equal(meters.given, undefined);
  meters.now = { day: 7, events: { key_1: 3 } };
  clock.advance(5_000);
  await until('the counts are written', 5_000, async () => (await readFile(path, 'utf8').catch(() => '')).includes('"key_1":3'));
  meters.now = { day: 7, events: { key_1: 5 } };
  await book.stop();
  const next = open();
  await next.book.start();
  const { day, events } = next.meters.given ?? {};
  assert.deepEqual({ day, events }, meters.now);
  await next.book.stop();
  assert.deepEqual(failures, []);
});

test('a file that is damaged or cannot be written is reported and stops nothing', async (context) => {
  const { directory, path, failures, open } = await makeBook(context);
  for (const text of ['', '{', '{"version":1}', '{"version":1,"day":7,"events":{"key_1":-1}}']) {
    await writeFile(path, text);
    const { book, meters } = open();
    await book.start();
    assert.equal(meters.given, undefined);
    await book.stop();
  }
  assert.equal(failures.length, 4);
  await rm(directory, { recursive: true });
  const { book, meters } = open();
  await book.start();
  meters.now = { day: 7, events: { key_1: 1 } };
  await book.stop();
  assert.equal(failures.length, 5);
});

/** Ranges, series and pages of release statistics, over events of other times. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ReleaseReader } from '../support/release_reader.ts';

test('a daemon with a past', async (context) => {
  const reader = await ReleaseReader.start(context);
  await context.test('a range takes events by their first time, and a series shows each there', async (context) => {
    // Event 1 came again in the next hour, event 2 in the next month, event 3 once.
    await reader.insert(1, '2026-03-31 21:10:00.000', 'download_complete', 'a', 'rel_1');
    await reader.insert(1, '2026-03-31 22:10:00.000', 'download_complete', 'a', 'rel_1');
    await reader.insert(2, '2026-03-31 21:20:00.000', 'apply_success', 'a', 'rel_1');
    await reader.insert(2, '2026-04-01 00:00:00.000', 'apply_success', 'a', 'rel_1');
    await reader.insert(3, '2026-03-31 23:59:59.999', 'crash_on_update', 'b', 'rel_1');
    const counts = async (query: string): Promise<number[]> => {
      const { downloads, installs, crashes, unique_devices } = (await reader.release('rel_1', query)).stats;
      return [downloads, installs, crashes, unique_devices];
    };
    assert.deepEqual(await counts(''), [1, 1, 1, 2]);
    assert.deepEqual(await counts('?from=2026-03-31T22:00:00Z'), [0, 0, 1, 1]);
    assert.deepEqual(await counts('?to=2026-03-31T21:20:00Z'), [1, 0, 0, 1]);
    assert.deepEqual(await counts('?from=2026-03-31T21:20:00Z&to=2026-03-31T23:59:59.999Z'), [0, 1, 0, 1]);
    assert.deepEqual(await counts('?from=2026-03-31T23:20&to=2026-04-01'), [0, 0, 1, 1]);
    assert.deepEqual(await counts('?from=2026-04-01'), [0, 0, 0, 0]);
    assert.deepEqual(await counts(`?from=${encodeURIComponent('2026-03-31T23:20:00+02:00')}`), [0, 1, 1, 2]);

    const { series, first_seen, last_seen } = await reader.release('rel_1', '?interval=hour');
    assert.deepEqual([first_seen, last_seen], ['2026-03-31T21:10:00.000Z', '2026-03-31T23:59:59.999Z']);
    assert.deepEqual(
      series.map(({ time, downloads, installs, crashes }) => [time, downloads, installs, crashes]),
      [
        ['2026-03-31T21:00:00.000Z', 1, 1, 0],
        ['2026-03-31T22:00:00.000Z', 0, 0, 0],
        ['2026-03-31T23:00:00.000Z', 0, 0, 1],
      ],
    );
    assert.deepEqual((await reader.list('?from=2026-03-31T23:00:00Z&to=2026-04-01'))[0]?.stats.crashes, 1);
    assert.deepEqual(await reader.list('?from=2026-04-02'), []);

    await context.test('more points than an answer may have are refused, with the interval named', async () => {
      await reader.insert(4, '2026-05-31 00:00:00.000', 'rollback', 'b', 'rel_1');
      const answer = await reader.get('/rel_1?interval=minute');
      assert.equal(answer.status, 400);
      assert.match(await answer.text(), /\\"interval\\".*10000/);
      assert.equal((await reader.release('rel_1', '?interval=hour')).series.length, 3 + 60 * 24 + 1);
      assert.equal((await reader.release('rel_1', '?interval=minute&to=2026-04-02')).series.length, 170);
    });
  });

  await context.test('pages show every release once, the latest activity first', async () => {
    for (let index = 0; index < 5; index++)
      await reader.insert(100 + index, `2026-03-0${index < 2 ? 1 : index} 00:00:00`, 'rollback', 'a', `rel/${index}`);
    const latest_first = ['rel/4', 'rel/3', 'rel/2', 'rel/1', 'rel/0'];
    const ids = async (query: string): Promise<string[]> => (await reader.list(query)).map(({ release_id }) => release_id);
    assert.deepEqual(await ids('?to=2026-03-20'), latest_first);
    const seen: string[] = [];
    for (
      let page = await ids('?to=2026-03-20&limit=2');
      page.length > 0;
      page = await ids(`?to=2026-03-20&limit=2&after=${encodeURIComponent(page.at(-1) ?? '')}`)
    )
      seen.push(...page);
    assert.deepEqual(seen, latest_first);
    assert.deepEqual(await ids('?limit=1&after=rel%2F3&to=2026-03-04'), ['rel/2']);
  });
});

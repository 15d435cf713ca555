import assert from 'node:assert/strict';
import { test } from 'node:test';
import { prepareDataDirectory } from '../../../../src/pipeline/spool/data_directory.ts';
import { MemoryFs } from '../../../support/memory_fs.ts';

const MARK = '/data/penstock.json';

function fsWith(files: Readonly<Record<string, string>>): MemoryFs {
  const fs = new MemoryFs();
  for (const [path, text] of Object.entries(files)) fs.plant(path, Buffer.from(text));
  return fs;
}

test('an empty directory becomes ours, and stays it', async () => {
  const fs = new MemoryFs();
  await prepareDataDirectory(fs, '/data');
  assert.equal(fs.contentOf(MARK).toString(), '{"program":"penstock","format":1}\n');
  fs.plant('/data/whatever', Buffer.alloc(0));
  await prepareDataDirectory(fs, '/data');
});

test('keys written before the first start, and what systems leave behind, do not make a directory foreign', async () => {
  await prepareDataDirectory(
    fsWith({ '/data/keys.json': '{}', '/data/keys.json.lock': '', '/data/lost+found/x': '', '/data/.DS_Store': '' }),
    '/data',
  );
});

test('a directory with files of others is refused, with the name of one, and nothing is written', async () => {
  const fs = fsWith({ '/data/keys.json': '{}', '/data/holiday.jpg': '' });
  await assert.rejects(prepareDataDirectory(fs, '/data'), {
    code: 'data_dir_foreign',
    context: { data_dir: '/data', entry: 'holiday.jpg' },
  });
  assert.deepEqual(fs.paths(), ['/data/holiday.jpg', '/data/keys.json']);
});

test('a mark of ours that is lost or damaged is written again, and nothing else is touched', async () => {
  for (const damage of [{}, { [MARK]: '{"prog' }, { [MARK]: '' }]) {
    const fs = fsWith({ '/data/spool/000000000001.open': 'rows', '/data/clickhouse/x': '', ...damage });
    await prepareDataDirectory(fs, '/data');
    assert.equal(fs.contentOf('/data/spool/000000000001.open').toString(), 'rows');
    assert.equal(fs.contentOf(MARK).toString(), '{"program":"penstock","format":1}\n');
  }
});

test('a directory of a newer version is refused', async () => {
  const fs = fsWith({ [MARK]: '{"program":"penstock","format":2}' });
  await assert.rejects(prepareDataDirectory(fs, '/data'), { code: 'data_dir_newer' });
});

test('a directory that cannot be written is refused with the reason', async () => {
  const fs = new MemoryFs();
  fs.fault = (operation) => (operation === 'open' ? 'EACCES' : undefined);
  await assert.rejects(prepareDataDirectory(fs, '/data'), {
    code: 'data_dir_unwritable',
    context: { data_dir: '/data', reason: 'EACCES' },
  });
});

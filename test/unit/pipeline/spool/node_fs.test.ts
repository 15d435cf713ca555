import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { NodeFs } from '../../../../src/pipeline/spool/node_fs.ts';

const fs = new NodeFs();

function temporaryDirectory(context: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'penstock-fs-'));
  context.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

test('a file is written at any position, read, cut and synced', async (context) => {
  const path = join(temporaryDirectory(context), 'file');
  const file = await fs.open(path, 'create');
  assert.equal(await file.write([Buffer.from('ab'), Buffer.from('cdef')], 2), 6);
  await file.write([Buffer.from('XY')], 0);
  await file.truncate(7);
  await file.datasync();
  assert.equal(await file.size(), 7);
  const into = Buffer.alloc(10);
  assert.equal(await file.read(into, 1), 6);
  assert.equal(into.subarray(0, 6).toString(), 'Yabcde');
  await file.close();
  assert.equal(statSync(path).mode & 0o777, 0o600);
});

test('creating what exists, and opening or removing what does not, fail with the code of the system', async (context) => {
  const directory = temporaryDirectory(context);
  writeFileSync(join(directory, 'there'), '');
  await assert.rejects(fs.open(join(directory, 'there'), 'create'), { code: 'EEXIST' });
  for (const mode of ['read', 'write'] as const) await assert.rejects(fs.open(join(directory, 'not'), mode), { code: 'ENOENT' });
  await assert.rejects(fs.remove(join(directory, 'not')), { code: 'ENOENT' });
});

test('directories are made with their parents, listed in order, and an absent one has no names', async (context) => {
  const directory = join(temporaryDirectory(context), 'a', 'b');
  assert.deepEqual(await fs.list(directory), []);
  await fs.makeDirectory(directory);
  await fs.makeDirectory(directory);
  for (const name of ['2', '10', '1']) writeFileSync(join(directory, name), name);
  await fs.rename(join(directory, '2'), join(directory, '0'));
  await fs.syncDirectory(directory);
  assert.deepEqual(await fs.list(directory), ['0', '1', '10']);
  assert.ok((await fs.freeBytes(directory)) > 0);
});

test('a directory that cannot be made is refused at once, with the code of the system', async (context) => {
  const directory = temporaryDirectory(context);
  writeFileSync(join(directory, 'file'), '');
  await assert.rejects(fs.makeDirectory('/proc/penstock/data'), { code: 'ENOENT' });
  await assert.rejects(fs.makeDirectory(join(directory, 'file', 'below')), { code: 'ENOTDIR' });
  await assert.rejects(fs.makeDirectory(join(directory, 'file')), { code: 'EEXIST' });
});

test('a part of a file comes as a stream', async (context) => {
  const path = join(temporaryDirectory(context), 'file');
  writeFileSync(path, '0123456789');
  const chunks: Buffer[] = [];
  for await (const chunk of fs.stream(path, 0, 4)) chunks.push(chunk);
  assert.equal(Buffer.concat(chunks).toString(), '0123');
});

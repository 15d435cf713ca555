/** Starts that cannot be: one clear line on standard error, and an exit code. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { type CommandResult, DaemonHome } from '../support/daemon.ts';

function assertOneLine(result: CommandResult, code: number, text: RegExp): void {
  assert.equal(result.code, code, result.stderr);
  assert.match(result.stderr, text);
  assert.equal(result.stderr.trim().split('\n').length, 1, result.stderr);
}

test('a wrong value, an unknown key and an unreadable file', async (context) => {
  const home = await DaemonHome.createEmpty(context);
  const file = join(dirname(home.data_dir), 'wrong.yaml');
  await writeFile(file, 'http:\n  prot: 1\n');
  assertOneLine(await home.command(['serve'], { PENSTOCK_HTTP__PORT: 'eighty' }), 2, /http\.port.*eighty/);
  assertOneLine(await home.command(['serve', '--config', file]), 2, /http\.prot/);
  assertOneLine(await home.command(['serve', '--config', `${file}.gone`]), 2, /wrong\.yaml\.gone/);
});

test('ports that are taken, each of the three', async (context) => {
  const taken = createServer().listen(0, '127.0.0.1');
  context.after(() => taken.close());
  await once(taken, 'listening');
  const address = taken.address();
  const port = typeof address === 'object' && address !== null ? String(address.port) : '';
  const home = await DaemonHome.createEmpty(context);
  for (const name of ['PENSTOCK_HTTP__PORT', 'PENSTOCK_ADMIN__PORT', 'PENSTOCK_CLICKHOUSE__EMBEDDED_PORT']) {
    assertOneLine(await home.command(['serve'], { [name]: port }), 1, new RegExp(`${port}.*taken`));
  }
});

test('a data directory that is another program’s, or another daemon’s', async (context) => {
  const home = await DaemonHome.createEmpty(context);
  const foreign = join(dirname(home.data_dir), 'foreign');
  await mkdir(foreign);
  await writeFile(join(foreign, 'thesis.tex'), 'years of work');
  assertOneLine(await home.command(['serve'], { PENSTOCK_DATA_DIR: foreign }), 1, /thesis\.tex/);
  const first = await home.start();
  const other_ports = { PENSTOCK_HTTP__PORT: '0', PENSTOCK_ADMIN__PORT: '0', PENSTOCK_CLICKHOUSE__EMBEDDED_PORT: '0' };
  assertOneLine(await home.command(['serve'], other_ports), 1, new RegExp(`in use by process ${first.child.pid}`));
  assert.equal(await first.stop(), 0);
});

test('a data directory under a file cannot be made', async (context) => {
  const home = await DaemonHome.createEmpty(context);
  const file = join(dirname(home.data_dir), 'file');
  await writeFile(file, '');
  assertOneLine(await home.command(['serve'], { PENSTOCK_DATA_DIR: join(file, 'data') }), 1, /data directory/);
});

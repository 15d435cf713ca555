/** What the load bench knows of processes: what Linux says of them, and that it ends its own. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Children } from '../../../bench/load/child.ts';
import { parseCpuUs, parseResidentBytes, readCpuUs, readResidentBytes } from '../../../bench/load/process_usage.ts';

test('processor time is user and system time, whatever the command is called', () => {
  const stat = '42 (a) b (c) S 1 42 42 0 -1 4194304 100 0 0 0 150 30 7 8 20 0 11 0 12345 1000000 2000';
  assert.equal(parseCpuUs(stat), 1_800_000);
});

test('resident memory is read in bytes', () => {
  assert.equal(parseResidentBytes('Name:\tnode\nVmPeak:\t  900 kB\nVmRSS:\t   512 kB\nThreads:\t11\n'), 512 * 1024);
});

test('what is no such text is refused, not taken for 0', () => {
  assert.throws(() => parseCpuUs('42 (node) S 1'));
  assert.throws(() => parseResidentBytes('Name:\tnode\n'));
});

test('this process has used time and memory', { skip: process.platform !== 'linux' && 'there is no /proc' }, async () => {
  assert.ok((await readCpuUs(process.pid)) > 0);
  assert.ok((await readResidentBytes(process.pid)) > 1e6);
});

test('a child sees only the environment that it is given', async () => {
  const script = 'console.log(JSON.stringify(process.env))';
  const output = await new Children().start('child', ['-e', script], { GIVEN: 'yes' }).finish(10_000);
  assert.equal(JSON.parse(output).GIVEN, 'yes');
  assert.equal(JSON.parse(output).PATH, undefined);
});

test('a child that fails says why', async () => {
  const child = new Children().start('child', ['-e', 'console.error("no luck"); process.exit(3)']);
  await assert.rejects(child.finish(10_000), /child ended \(3\): no luck/);
});

test('a child that ends before its first line fails the wait for it', async () => {
  await assert.rejects(new Children().start('child', ['-e', 'process.exit(0)']).firstLine(), /child ended/);
});

test('all children are ended, those that have ended already too', async () => {
  const children = new Children();
  const waiting = children.start('waiting', ['-e', 'console.log("up"); setInterval(() => undefined, 1000)']);
  const ended = children.start('ended', ['-e', '0']);
  await waiting.firstLine();
  await ended.finish(10_000);
  await children.stopAll();
  assert.throws(() => waiting.checkRunning(), /SIGTERM/);
});

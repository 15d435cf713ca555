/** `penstock load` as a user meets it: what it prints, and what its exit code says. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LoadReport } from '../../../src/cli/load/load_report.ts';
import { LOAD_COMMAND } from '../../../src/cli/load.ts';
import { accept, reply, withPaperDaemon } from './load_server.ts';
import { runOnce, type Session, Terminal } from './terminal.ts';

function load(port: number, ...line: string[]): Promise<Session> {
  return runOnce(['load', '--key', 'sk_live_test', '--url', `http://127.0.0.1:${port}`, ...line], [LOAD_COMMAND]);
}

test('the table ends with sent, acknowledged, accepted and rejected, and the exit code is 0', () =>
  withPaperDaemon(accept, async (port) => {
    const { code, stdout } = await load(port, '--events', '1000', '--batch', '50');
    assert.equal(code, 0);
    const lines = stdout.trimEnd().split('\n');
    assert.ok(new Set(lines.map((line) => line.length)).size === 1, 'the columns are aligned');
    assert.deepEqual(
      lines.slice(-4).map((line) => line.replace(/ +/g, ' ')),
      ['events sent 1,000', 'events acknowledged 1,000', 'events accepted 1,000', 'events rejected 0'],
    );
  }));

test('--json prints one object', () =>
  withPaperDaemon(accept, async (port) => {
    const { stdout } = await load(port, '--events', '30', '--batch', '10', '--seed', '42', '--json');
    const report: LoadReport = JSON.parse(stdout);
    const { seed, sent, acknowledged, accepted, rejected, unacknowledged, retries, answers, stopped } = report;
    assert.deepEqual(
      { seed, sent, acknowledged, accepted, rejected, unacknowledged, retries, answers, stopped },
      {
        seed: 42,
        sent: 30,
        acknowledged: 30,
        accepted: 30,
        rejected: 0,
        unacknowledged: 0,
        retries: 0,
        answers: { 202: 3 },
        stopped: null,
      },
    );
  }));

test('the daemon of the configuration is the default', () =>
  withPaperDaemon(accept, async (port, received) => {
    const line = ['load', '--key', 'sk_live_test', '--events', '1'];
    assert.equal((await runOnce(line, [LOAD_COMMAND], { PENSTOCK_HTTP__PORT: String(port) })).code, 0);
    assert.equal(received.length, 1);
  }));

test('events that were never acknowledged make the exit code 1, with the reason', () =>
  withPaperDaemon(
    (response) => reply(response, 401, '{"error":"unauthorized"}'),
    async (port) => {
      const { code, stdout } = await load(port, '--events', '10', '--connections', '1');
      assert.equal(code, 1);
      assert.match(stdout, /10 events were never acknowledged/);
      assert.match(stdout, /Ended early: a batch was refused: 401 .*unauthorized/);
    },
  ));

test('Ctrl-C ends the load, and what was sent is still acknowledged', () => {
  const terminal = new Terminal();
  return withPaperDaemon(
    (response, nth, events) => {
      if (nth === 3) terminal.raise('SIGINT');
      accept(response, nth, events);
    },
    async (port) => {
      const line = ['load', '--key', 'sk_live_test', '--url', `http://127.0.0.1:${port}`, '--seconds', '60', '--connections', '1'];
      const { code, stdout } = await terminal.run(line, [LOAD_COMMAND]);
      assert.equal(code, 0);
      assert.match(stdout, /events acknowledged +300\n/);
      assert.match(stdout, /Ended early: interrupted/);
    },
  );
});

test('a daemon that does not listen is said at once', async () => {
  const port = await withPaperDaemon(accept, async (free_port) => free_port);
  const { code, stdout, stderr } = await load(port, '--events', '1');
  assert.deepEqual([code, stdout], [1, '']);
  assert.match(stderr, new RegExp(`No answer from http://127.0.0.1:${port} .*ECONNREFUSED`));
});

for (const line of [
  ['load'],
  ['load', '--key', 'two words'],
  ['load', '--key', 'k', '--batch', '0'],
  ['load', '--key', 'k', '--url', 'ftp://127.0.0.1'],
  ['load', '--key', 'k', '--url', 'http://127.0.0.1/path'],
]) {
  test(`"${line.join(' ')}" is wrong usage`, async () => {
    assert.equal((await runOnce(line, [LOAD_COMMAND])).code, 2);
  });
}

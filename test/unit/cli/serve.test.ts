import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Daemon, makeServeCommand } from '../../../src/cli/serve.ts';
import type { Config } from '../../../src/config/schema.ts';
import { OperatingError } from '../../../src/contract/errors.ts';
import { type Session, Terminal } from './terminal.ts';

/** A promise that the test settles. */
class Deferred {
  resolve: () => void = () => undefined;
  reject: (reason: Error) => void = () => undefined;
  readonly promise = new Promise<void>((resolve, reject) => {
    this.resolve = resolve;
    this.reject = reject;
  });
}

/** A daemon of paper: keeps what it was told, and stops when the test lets it. */
class PaperDaemon implements Daemon {
  readonly told: string[] = [];
  readonly configs: Config[] = [];
  readonly started = new Deferred();
  readonly stopped = new Deferred();
  readonly end = new Deferred();
  readonly finished = this.end.promise;

  stop(): Promise<void> {
    this.told.push('stop');
    return this.stopped.promise;
  }

  reload(next: Config): void {
    this.configs.push(next);
  }

  async renew(): Promise<readonly string[]> {
    return [];
  }
}

interface Scene {
  readonly terminal: Terminal;
  readonly daemon: PaperDaemon;
  readonly session: Promise<Session>;
}

async function startScene(): Promise<Scene> {
  const terminal = new Terminal({ PENSTOCK_CONFIG: '/penstock.yaml' }, { '/penstock.yaml': '' });
  const daemon = new PaperDaemon();
  const serve = makeServeCommand(async () => {
    daemon.started.resolve();
    return daemon;
  });
  const session = terminal.run(['serve'], [serve]);
  await daemon.started.promise;
  await settle();
  return { terminal, daemon, session };
}

/** Lets everything run that waits for nothing but its turn. */
async function settle(): Promise<void> {
  for (let turns = 0; turns < 5; turns++) await new Promise((resolve) => setImmediate(resolve));
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await settle();
}

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`${signal} stops the daemon, and the exit code is 0 once it has stopped`, async () => {
    const { terminal, daemon, session } = await startScene();
    terminal.raise(signal);
    await until(() => daemon.told.length === 1);
    daemon.stopped.resolve();
    assert.deepEqual(await session, { code: 0, stdout: '', stderr: '' });
    assert.deepEqual([daemon.told, terminal.exits], [['stop'], []]);
  });
}

test('a second SIGINT ends the process at once with 1; a second SIGTERM does not', async () => {
  const { terminal, daemon, session } = await startScene();
  terminal.raise('SIGTERM');
  terminal.raise('SIGTERM');
  assert.deepEqual(terminal.exits, []);
  terminal.raise('SIGINT');
  assert.deepEqual(terminal.exits, [1]);
  daemon.stopped.resolve();
  await session;
});

test('a daemon that has to end by itself ends the command with its one line', async () => {
  const { daemon, session } = await startScene();
  daemon.end.reject(new OperatingError('data_dir_unwritable', { data_dir: '/d', reason: 'EROFS' }));
  const { code, stderr } = await session;
  assert.equal(code, 1);
  assert.match(stderr, /^The data directory \/d cannot be written \(EROFS\)[^\n]*\n$/);
});

test('a signal that comes during the start stops the daemon right after it', async () => {
  const terminal = new Terminal();
  const daemon = new PaperDaemon();
  daemon.stopped.resolve();
  const serve = makeServeCommand(async () => {
    terminal.raise('SIGTERM');
    return daemon;
  });
  assert.equal((await terminal.run(['serve'], [serve])).code, 0);
  assert.deepEqual(daemon.told, ['stop']);
});

test('SIGHUP puts live settings into force and says what waits for the next start', async () => {
  const { terminal, daemon, session } = await startScene();
  terminal.write('/penstock.yaml', 'log: { level: debug }\nhttp: { port: 9999 }');
  terminal.raise('SIGHUP');
  await until(() => terminal.stderr.text !== '');
  assert.equal(terminal.stderr.text, 'Configuration read again: log.level changed; http.port will change at the next start\n');
  assert.deepEqual([daemon.configs[0]?.log.level, daemon.configs[0]?.http.port], ['debug', 8080]);
  terminal.raise('SIGTERM');
  daemon.stopped.resolve();
  await session;
});

test('SIGHUP with a wrong file changes nothing and says why', async () => {
  const { terminal, daemon, session } = await startScene();
  terminal.write('/penstock.yaml', 'nonsense: 1');
  terminal.raise('SIGHUP');
  await until(() => terminal.stderr.text !== '');
  assert.match(terminal.stderr.text, /^Configuration read again: nothing changes, since it is wrong\. nonsense .*\n$/);
  assert.deepEqual(daemon.configs, []);
  terminal.raise('SIGTERM');
  daemon.stopped.resolve();
  assert.equal((await session).code, 0);
});

/**
 * The embedded ClickHouse's process: started by `supervisor.ts` and by nobody else.
 *
 * It ends with the daemon: when the IPC channel closes it kills itself, because `process.exit` waits for a running query.
 * Signals from the terminal are the daemon's business.
 *
 * It steps back behind the daemon: an acknowledgement that waits for a core is a sender that waits, an INSERT that waits is a segment
 * that stays on the disk a little longer. On Linux a thread has a niceness of its own and inherits it from the one that starts it: so it comes before
 * there is an engine, and for each thread that Node has by then, since libuv's, on which queries run, start the engine's.
 */
import { readdirSync } from 'node:fs';
import { setPriority } from 'node:os';
import { EngineProcess } from './engine_process.ts';
import { type FromChild, parseToChild } from './messages.ts';

/** Of the weight of a process that wants a core as well, a fifteenth: docs/PERFORMANCE.md has what others did to the daemon and to delivery. */
const NICENESS = 12;

stepBack();
const engine = new EngineProcess({ onBroken: dieOf });

process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => undefined);
process.on('SIGHUP', () => undefined);
process.on('disconnect', die);
process.on('uncaughtException', (error) => dieOf(error.stack ?? error.message));
process.on('message', (message) => {
  const command = parseToChild(message);
  if (command?.type === 'start') void engine.start(command.options).then(tell);
  if (command?.type === 'stop') void engine.stop().finally(die);
});

function tell(message: FromChild): void {
  if (process.connected) process.send?.(message);
}

function dieOf(problem: string): void {
  process.stderr.write(`${problem}\n`, die);
}

function die(): void {
  process.kill(process.pid, 'SIGKILL');
}

function stepBack(): void {
  for (const thread_id of ownThreads()) {
    try {
      setPriority(thread_id, NICENESS);
    } catch {
      // Where even this is not allowed, it runs like any other; and a thread may have ended meanwhile.
    }
  }
}

/** What `setPriority` knows them by; 0 is the calling one. Elsewhere than on Linux the whole process goes by one niceness. */
function ownThreads(): readonly number[] {
  try {
    return readdirSync('/proc/self/task').map(Number);
  } catch {
    return [0];
  }
}

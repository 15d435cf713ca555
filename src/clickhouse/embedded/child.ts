/**
 * The embedded ClickHouse's process: started by `supervisor.ts` and by nobody else.
 *
 * It ends with the daemon: when the IPC channel closes it kills itself, because `process.exit` waits for a running query.
 * Signals from the terminal are the daemon's business.
 *
 * It steps back behind the daemon: an acknowledgement that waits for a core is a sender that waits, an INSERT that waits is a segment
 * that stays on the disk a little longer. Not before it is told, though: while it starts and makes its tables it is itself what is waited for. On Linux a
 * thread has a niceness of its own and inherits it from the one that starts it: so each that there is by then is told, and those that come later have it from these.
 */
import { readdirSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';
import { EngineProcess } from './engine_process.ts';
import { type FromChild, parseToChild } from './messages.ts';

/** Of the weight of a process that wants a core as well, a fifteenth: docs/PERFORMANCE.md has what others did to the daemon and to delivery. */
const NICENESS = 12;

const engine = new EngineProcess({ onBroken: dieOf });

process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => undefined);
process.on('SIGHUP', () => undefined);
process.on('disconnect', die);
process.on('uncaughtException', (error) => dieOf(error.stack ?? error.message));
process.on('message', (message) => {
  const command = parseToChild(message);
  if (command?.type === 'start') void engine.start(command.options).then(tell);
  if (command?.type === 'step_back') stepBack();
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

/** Until there is no thread that was not told: one may have been started meanwhile by one whose turn was still to come. */
function stepBack(): void {
  const told = new Set<number>();
  for (let threads = ownThreads(); threads.some((thread_id) => !told.has(thread_id)); threads = ownThreads()) {
    for (const thread_id of threads) {
      told.add(thread_id);
      try {
        // The engine gives precedence to one that watches its memory.
        if (getPriority(thread_id) >= 0) setPriority(thread_id, NICENESS);
      } catch {
        // Where even this is not allowed, it runs like any other; and a thread may have ended meanwhile.
      }
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

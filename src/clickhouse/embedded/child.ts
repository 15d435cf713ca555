/**
 * The embedded ClickHouse's process: started by `supervisor.ts` and by nobody else.
 *
 * It ends with the daemon: when the IPC channel closes it kills itself, because `process.exit` waits for a running query.
 * Signals from the terminal are the daemon's business.
 *
 * It steps back behind the daemon: an acknowledgement that waits for a core is a sender that waits, an INSERT that waits is a segment
 * that stays on the disk a little longer. Threads inherit it from the one that starts them, so it comes before there is an engine.
 */
import { setPriority } from 'node:os';
import { EngineProcess } from './engine_process.ts';
import { type FromChild, parseToChild } from './messages.ts';

/** Of the weight of a process that wants a core as well, a fifth. */
const NICENESS = 7;

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
  try {
    setPriority(NICENESS);
  } catch {
    // Where even this is not allowed, it runs like any other.
  }
}

/**
 * The embedded ClickHouse's process: started by `supervisor.ts` and by nobody else.
 *
 * It ends with the daemon: when the IPC channel closes it kills itself, because `process.exit` waits for a running query.
 * Signals from the terminal are the daemon's business.
 */
import { EngineProcess } from './engine_process.ts';
import { type FromChild, parseToChild } from './messages.ts';

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

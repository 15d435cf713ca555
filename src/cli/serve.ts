/** `serve`: runs the daemon until a signal ends it. What the daemon is made of is `compose.ts`'s affair. */
import type { Writable } from 'node:stream';
import { reloadable } from '../config/reload.ts';
import type { Config } from '../config/schema.ts';
import { OperatingError } from '../contract/errors.ts';
import type { Command, CommandContext } from './command.ts';

/** The daemon as this command drives it. */
export interface Daemon {
  /** Stops listening, answers what is in flight, seals, delivers within its limits; resolves when it is done. */
  stop(): Promise<void>;
  /** Puts the settings that change live into force. */
  reload(next: Config): void;
  /** Takes up what has changed in files that the configuration names, and says what, in words. Rejects with an OperatingError. */
  renew(): Promise<readonly string[]>;
  /** Resolves after `stop`; rejects when the daemon had to end by itself. */
  readonly finished: Promise<void>;
}

export type StartDaemon = (options: { config: Config; stdout: Writable; stderr: Writable }) => Promise<Daemon>;

export function makeServeCommand(start_daemon: StartDaemon): Command {
  return {
    name: 'serve',
    summary: 'Run the daemon until SIGTERM or Ctrl-C',
    description: 'SIGHUP re-reads the configuration and says what cannot change without a restart. A second Ctrl-C ends it at once.',
    options: [],
    run: (context) => serve(context, start_daemon),
  };
}

async function serve(context: CommandContext, start_daemon: StartDaemon): Promise<number> {
  // Signals count from the first moment: one that comes during the start ends the daemon right after it.
  const stop_asked = onceAskedToStop(context);
  let reload = (): void => undefined;
  context.onSignal('SIGHUP', () => reload());
  const { config, warnings } = await context.loadConfig();
  for (const warning of warnings) context.stderr.write(`${warning}\n`);
  const { stdout, stderr } = context;
  const daemon = await start_daemon({ config, stdout, stderr });
  reload = makeReload(context, daemon, config);
  await Promise.race([daemon.finished, stop_asked.then(() => daemon.stop())]);
  return 0;
}

/** Resolves at the first SIGTERM or SIGINT; a SIGINT after it ends the process at once. */
function onceAskedToStop(context: CommandContext): Promise<void> {
  return new Promise((resolve) => {
    let is_stopping = false;
    const ask = (): void => {
      is_stopping = true;
      resolve();
    };
    context.onSignal('SIGTERM', ask);
    context.onSignal('SIGINT', () => (is_stopping ? context.exit(1) : ask()));
  });
}

/** Re-reads the configuration, one time after the other, and says on standard error what came of it. */
function makeReload(context: CommandContext, daemon: Daemon, started_with: Config): () => void {
  let current = started_with;
  const reload = async (): Promise<string> => {
    const { config, live, restart } = reloadable(current, (await context.loadConfig()).config);
    if (live.length > 0) daemon.reload(config);
    current = config;
    const changed = live.length === 0 ? 'nothing changes now' : `${live.join(', ')} changed`;
    const later = restart.length === 0 ? [] : [`${restart.join(', ')} will change at the next start`];
    const renewed = await daemon.renew().catch((error: unknown) => {
      if (error instanceof OperatingError) return [`${error.message} The last good one stays`];
      throw error;
    });
    return [changed, ...later, ...renewed].join('; ');
  };
  let previous = Promise.resolve();
  return () => {
    previous = previous.then(async () => {
      const outcome = await reload().catch((error: unknown) => {
        if (error instanceof OperatingError) return `nothing changes, since it is wrong. ${error.message}`;
        throw error;
      });
      context.stderr.write(`Configuration read again: ${outcome}\n`);
    });
  };
}

/**
 * What a subcommand is. One file of this folder declares one; `commands.ts` lists them, `run.ts` parses and dispatches,
 * `help.ts` prints what is declared here. A subcommand touches the world only through its context.
 */
import type { Writable } from 'node:stream';
import type { LoadedConfig } from '../config/load.ts';
import type { Clock } from '../contract/ports.ts';
import type { OptionValues } from './option_values.ts';

/** Standard output or error: results go to the one, progress and problems to the other. */
export interface Output extends Writable {
  /** True on a terminal, where colour and progress bars may be shown; absent or false in a pipe. */
  readonly isTTY?: boolean;
  /** Width of the terminal in characters, where there is one. */
  readonly columns?: number;
}

export type Environment = Readonly<Record<string, string | undefined>>;

export type Signal = 'SIGINT' | 'SIGTERM' | 'SIGHUP';

/** An option of a subcommand, as help shows it. */
export interface CommandOption {
  /** Without the dashes: `seconds` is `--seconds`. */
  readonly name: string;
  /** Placeholder of its value in help (`N`); an option without one is a flag. */
  readonly value?: string;
  /** What it does, beginning with a verb; says the default where there is one. */
  readonly summary: string;
}

/** What a subcommand may use of the world. */
export interface CommandContext {
  readonly options: OptionValues;
  /** What stands on the line beside options, in order; `run.ts` has checked their number. */
  readonly operands: readonly string[];
  readonly stdout: Output;
  readonly stderr: Output;
  readonly clock: Clock;
  /** Bytes nobody can guess, for secrets and seeds. */
  randomBytes(count: number): Uint8Array;
  /** Free bytes of the disk that `directory` is on, or would be if it existed. */
  freeBytes(directory: string): Promise<number>;
  /** A file's text. */
  readText(path: string): Promise<string>;
  /**
   * Reads the configuration afresh: default.yaml, `--config` or PENSTOCK_CONFIG, environment. Warnings are returned, not
   * printed. Rejects with the OperatingErrors `config_unreadable` and `config_invalid`.
   */
  loadConfig(): Promise<LoadedConfig>;
  /** Calls `handler` at each such signal from now on, in place of the signal's default. */
  onSignal(signal: Signal, handler: () => void): void;
  /** Ends the process at once; for a user who asked twice. */
  exit(code: number): void;
}

export interface Command {
  readonly name: string;
  /** One line for the list of subcommands, beginning with a verb. */
  readonly summary: string;
  /** More for its own help, in whole lines; empty when the summary says it all. */
  readonly description?: string;
  /** Names of what must stand beside the options, as help shows them (`EVENT_ID`); none when absent. */
  readonly operands?: readonly string[];
  /** Name of what may stand there any number of times more (`ID`); nothing when absent. */
  readonly more_operands?: string;
  /** Its own options. `--config FILE` and `--help` are every command's and not repeated here; `--json` is declared where it works. */
  readonly options: readonly CommandOption[];
  /** Lines that can be pasted behind `npm run -s penstock --`. */
  readonly examples?: readonly string[];
  /**
   * Does it. Resolves to the exit code: 0 good, 1 failed. Throws OperatingError for what the world did; `run.ts` prints it
   * as one line on stderr and takes the exit code from the catalogue (`usage` is 2).
   */
  run(context: CommandContext): Promise<number>;
}

/** Commands that share a first word: `keys create`, `keys list`. */
export interface CommandGroup {
  readonly name: string;
  readonly summary: string;
  readonly commands: readonly Command[];
}

export type CommandEntry = Command | CommandGroup;

/** The option of commands whose answer a script might read. */
export const JSON_OPTION: CommandOption = { name: 'json', summary: 'Print JSON for scripts' };

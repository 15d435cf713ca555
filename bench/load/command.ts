/** A bench as a command: reads its line, runs it, and ends with its exit code: 2 for a wrong line, 1 for a bench that failed. */

export interface BenchCommand<Options extends { readonly help: boolean }> {
  /** As in `npm run NAME`. */
  readonly name: string;
  readonly help: string;
  /** Throws an Error that says what is wrong with the line. */
  readOptions(argv: readonly string[]): Options;
  /** Resolves to the exit code. */
  run(options: Options): Promise<number>;
}

export async function runCommand<Options extends { readonly help: boolean }>(command: BenchCommand<Options>): Promise<void> {
  // Ending by a signal must end the children too: `exit` does it.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
  const options = parseLine(command);
  if (options === undefined) process.exitCode = 2;
  else if (options.help) process.stdout.write(command.help);
  else {
    process.exitCode = await command.run(options).catch((error: unknown) => {
      process.stderr.write(`${command.name} failed: ${messageOf(error)}\n`);
      return 1;
    });
  }
}

/** Reads the value of `--NAME`, from 1 to `max`; throws an Error that says what is wrong with it. */
export function readNumber(name: string, text: string, max: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= max) return value;
  throw new Error(`--${name} must be a whole number from 1 to ${max}, not ${JSON.stringify(text)}.`);
}

function parseLine<Options extends { readonly help: boolean }>(command: BenchCommand<Options>): Options | undefined {
  try {
    return command.readOptions(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${messageOf(error)} Try --help.\n`);
    return undefined;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * From a command line to an exit code: finds the subcommand, reads its options, runs it, and says in one line what went wrong.
 *
 * Errors of the world end in their message and their exit code; bugs are thrown on, for the process to die loudly.
 */
import { parseArgs } from 'node:util';
import { type LoadedConfig, loadConfig } from '../config/load.ts';
import { OperatingError } from '../contract/errors.ts';
import type { Command, CommandContext, CommandEntry, Environment } from './command.ts';
import { describeCommand, describeGroup, describeProgram, describeUsage, INVOCATION } from './help.ts';
import { OptionValues } from './option_values.ts';

/** The process as commands see it; `main.ts` makes it of the real one. */
export interface World
  extends Pick<CommandContext, 'stdout' | 'stderr' | 'clock' | 'randomBytes' | 'freeBytes' | 'readText' | 'onSignal' | 'exit'> {
  readonly environment: Environment;
  readonly working_directory: string;
  readonly cores: number;
  /** Path of the `default.yaml` that came with the program. */
  readonly defaults_path: string;
}

/** What a command line asks for. */
type Request =
  | { readonly kind: 'help'; readonly text: string }
  | { readonly kind: 'run'; readonly path: string; readonly command: Command; readonly line: readonly string[] }
  | { readonly kind: 'wrong'; readonly problem: string; readonly usage: string };

const EXIT_GOOD = 0;
const EXIT_USAGE = 2;

/** @param line what stands behind the program's name */
export async function runCommandLine(line: readonly string[], entries: readonly CommandEntry[], world: World): Promise<number> {
  const request = findCommand(configLast(line), entries);
  if (request.kind === 'help') {
    world.stdout.write(request.text);
    return EXIT_GOOD;
  }
  if (request.kind === 'wrong') return refuse(request.problem, request.usage, world);
  const { path, command } = request;
  if (asksForHelp(request.line)) {
    world.stdout.write(describeCommand(path, command));
    return EXIT_GOOD;
  }
  try {
    return await command.run(makeContext(command, request.line, world));
  } catch (error) {
    if (!(error instanceof OperatingError)) throw error;
    if (error.code === 'usage') return refuse(error.message, describeUsage(path, command), world);
    world.stderr.write(`${error.message}\n`);
    return error.exit;
  }
}

function refuse(problem: string, usage: string, world: World): number {
  world.stderr.write(`${problem}\n${usage}\n`);
  return EXIT_USAGE;
}

/** Lets `--config FILE` stand before the subcommand too. */
function configLast(line: readonly string[]): readonly string[] {
  const first = line[0] ?? '';
  if (first === '--config') return [...line.slice(2), ...line.slice(0, 2)];
  return first.startsWith('--config=') ? [...line.slice(1), first] : line;
}

/** Whether help is asked for; what stands behind `--` is no option. */
function asksForHelp(line: readonly string[]): boolean {
  const end = line.indexOf('--');
  return line.slice(0, end < 0 ? line.length : end).some((word) => word === '--help' || word === '-h');
}

function findCommand(line: readonly string[], entries: readonly CommandEntry[]): Request {
  const [first, second, ...rest] = line;
  if (first === 'help') return findCommand([...line.slice(1), '--help'], entries);
  if (first === '--help' || first === '-h') return { kind: 'help', text: describeProgram(entries) };
  const usage = `Usage: ${INVOCATION} ${entries.map(({ name }) => name).join('|')} [options]`;
  if (first === undefined) return { kind: 'wrong', problem: 'A subcommand is missing. Try --help.', usage };
  const entry = entries.find(({ name }) => name === first);
  if (entry === undefined) return { kind: 'wrong', problem: `There is no subcommand ${JSON.stringify(first)}. Try --help.`, usage };
  if (!('commands' in entry)) return { kind: 'run', path: first, command: entry, line: line.slice(1) };
  const command = entry.commands.find(({ name }) => name === second);
  if (command !== undefined) return { kind: 'run', path: `${first} ${second}`, command, line: rest };
  if (asksForHelp(line)) return { kind: 'help', text: describeGroup(entry) };
  const names = entry.commands.map(({ name }) => name).join('|');
  return {
    kind: 'wrong',
    problem: `${first} needs one of ${names}. Try --help.`,
    usage: `Usage: ${INVOCATION} ${first} ${names} [options]`,
  };
}

function makeContext(command: Command, line: readonly string[], world: World): CommandContext {
  const { values, operands } = parseLine(command, line);
  const options = new OptionValues(new Set(['config', 'help', ...command.options.map(({ name }) => name)]), values);
  const { stdout, stderr, clock, randomBytes, freeBytes, readText, onSignal, exit } = world;
  const load = (): Promise<LoadedConfig> => loadConfig({ ...world, config_path: options.text('config') });
  return { options, operands, stdout, stderr, clock, randomBytes, freeBytes, readText, onSignal, exit, loadConfig: load };
}

interface ParsedLine {
  readonly values: Readonly<Record<string, string | boolean | undefined>>;
  readonly operands: readonly string[];
}

function parseLine(command: Command, line: readonly string[]): ParsedLine {
  const wanted = command.operands ?? [];
  const kinds = command.options.map(({ name, value }) => [
    name,
    { type: value === undefined ? ('boolean' as const) : ('string' as const) },
  ]);
  const options = { config: { type: 'string' as const }, help: { type: 'boolean' as const }, ...Object.fromEntries(kinds) };
  const { values, positionals } = parsing(() => parseArgs({ args: [...line], options, allowPositionals: true, strict: true }));
  const missing = wanted[positionals.length];
  if (missing !== undefined) throw new OperatingError('usage', { problem: `${missing} is missing.` });
  const extra = positionals[wanted.length];
  if (extra !== undefined && command.more_operands === undefined)
    throw new OperatingError('usage', { problem: `Nothing is known about ${JSON.stringify(extra)} here.` });
  // No option may be given twice to be a list, which the parser's type allows for.
  const single = Object.entries(values).flatMap(([name, value]) => (typeof value === 'object' ? [] : [[name, value] as const]));
  return { values: Object.fromEntries(single), operands: positionals };
}

/** Runs Node's own parser; what it refuses is wrong usage, said in its first sentence. */
function parsing<Result>(parse: () => Result): Result {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new OperatingError('usage', { problem: `${error.message.split(/\.\s|\n/)[0]?.replace(/\.$/, '')}.` });
  }
}

/** Help texts, printed from what commands declare: aligned, verbs first, examples that can be pasted. */
import type { Command, CommandEntry, CommandGroup, CommandOption } from './command.ts';

/** How users call us; every usage line begins with it. */
export const INVOCATION = 'npm run -s penstock --';

const COMMON_OPTIONS: readonly CommandOption[] = [
  { name: 'config', value: 'FILE', summary: 'Read settings from FILE over the defaults (also PENSTOCK_CONFIG)' },
  { name: 'help', summary: 'Print this help' },
];

/** The list of all subcommands. */
export function describeProgram(entries: readonly CommandEntry[]): string {
  const commands = entries.flatMap((entry) => ('commands' in entry ? entry.commands.map((each) => inGroup(entry, each)) : [entry]));
  return [
    `Usage: ${INVOCATION} SUBCOMMAND [options]`,
    '',
    'Takes what a fleet sends and delivers it, in bulk, to ClickHouse.',
    '',
    'Subcommands:',
    ...table(commands.map(({ name, summary }) => [name, summary])),
    '',
    'Options of all subcommands:',
    ...table(COMMON_OPTIONS.map(optionRow)),
    '',
    'Exit code: 0 good, 1 failed, 2 wrong usage or configuration.',
    '',
  ].join('\n');
}

/** The subcommands of one group. */
export function describeGroup(group: CommandGroup): string {
  return [
    `Usage: ${INVOCATION} ${group.name} ${group.commands.map(({ name }) => name).join('|')} [options]`,
    '',
    `${group.summary}.`,
    '',
    ...table(group.commands.map(({ name, summary }) => [`${group.name} ${name}`, summary])),
    '',
  ].join('\n');
}

/** Everything about one command; `path` is its name as typed (`keys create`). */
export function describeCommand(path: string, command: Command): string {
  const description = command.description === undefined ? [] : ['', command.description];
  const examples = (command.examples ?? []).map((example) => `  ${INVOCATION} ${example}`);
  return [
    describeUsage(path, command),
    '',
    `${command.summary}.`,
    ...description,
    '',
    'Options:',
    ...table([...command.options, ...COMMON_OPTIONS].map(optionRow)),
    ...(examples.length === 0 ? [] : ['', 'Examples:', ...examples]),
    '',
  ].join('\n');
}

/** The one line that says how a command is called. */
export function describeUsage(path: string, command: Command): string {
  const more = command.more_operands === undefined ? [] : [`[${command.more_operands}…]`];
  return `Usage: ${[INVOCATION, path, ...(command.operands ?? []), ...more, '[options]'].join(' ')}`;
}

function inGroup(group: CommandGroup, command: Command): { name: string; summary: string } {
  return { name: `${group.name} ${command.name}`, summary: command.summary };
}

function optionRow(option: CommandOption): [string, string] {
  return [option.value === undefined ? `--${option.name}` : `--${option.name} ${option.value}`, option.summary];
}

function table(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, summary]) => `  ${name.padEnd(width)}  ${summary}`);
}

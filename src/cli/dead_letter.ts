/** `dead-letter list|show|replay`: the rows that ClickHouse rejected for good. Works beside a running daemon and without one. */
import { OperatingError } from '../contract/errors.ts';
import { LetterDesk, type LetterEntry } from '../pipeline/spool/letter_desk.ts';
import type { LetterDescription } from '../pipeline/spool/letter_files.ts';
import { NodeFs } from '../pipeline/spool/node_fs.ts';
import { type Command, type CommandContext, type CommandGroup, JSON_OPTION } from './command.ts';
import { Replay, type ReplayOutcome } from './dead_letter/replay.ts';

const PATIENCE_S = 60;
const PATIENCE_S_MAX = 86_400;
const REASON_CHARACTERS_MAX = 80;

const LIST_COMMAND: Command = {
  name: 'list',
  summary: 'List the rows that ClickHouse rejected, oldest first',
  options: [JSON_OPTION],
  run: listLetters,
};

const SHOW_COMMAND: Command = {
  name: 'show',
  summary: 'Show one rejected row, why it was rejected, and all that it holds',
  description: 'ID may be the beginning of an id, as long as no other begins so.',
  operands: ['ID'],
  options: [JSON_OPTION],
  examples: ['dead-letter show 3f2a90c1'],
  run: showLetter,
};

const REPLAY_COMMAND: Command = {
  name: 'replay',
  summary: 'Send rejected rows to ClickHouse once more, each exactly once',
  description: [
    'Marks them; the running daemon takes them up within two seconds, else the next one does. Waits until each is delivered or',
    'rejected again. Ends with 1 if one was rejected again or is undecided when the wait ends.',
  ].join('\n'),
  more_operands: 'ID',
  options: [
    { name: 'all', summary: 'Replay all of them' },
    { name: 'seconds', value: 'S', summary: `Wait no longer when nothing has moved for so many seconds (default ${PATIENCE_S})` },
    JSON_OPTION,
  ],
  examples: ['dead-letter replay --all', 'dead-letter replay 3f2a90c1 77d1e04b'],
  run: replayLetters,
};

export const DEAD_LETTER_COMMANDS: CommandGroup = {
  name: 'dead-letter',
  summary: 'Look at the rows that ClickHouse rejected, and replay them',
  commands: [LIST_COMMAND, SHOW_COMMAND, REPLAY_COMMAND],
};

async function listLetters(context: CommandContext): Promise<number> {
  const desk = await openDesk(context);
  const letters: { entry: LetterEntry; description: LetterDescription | undefined }[] = [];
  for (const entry of await desk.list()) letters.push({ entry, description: withoutContent(await desk.describe(entry)) });
  const { stdout } = context;
  if (context.options.flag('json')) stdout.write(`${JSON.stringify(letters.map(({ entry, description }) => view(entry, description)))}\n`);
  else if (letters.length === 0) stdout.write('There are no dead letters.\n');
  else stdout.write(table(letters.map(({ entry, description }) => row(entry, description))));
  return 0;
}

async function showLetter(context: CommandContext): Promise<number> {
  const desk = await openDesk(context);
  const entry = findLetter(await desk.list(), context.operands[0] ?? '');
  const description = await desk.describe(entry);
  const { stdout } = context;
  if (context.options.flag('json')) {
    stdout.write(`${JSON.stringify({ ...view(entry, description), content: description?.content })}\n`);
    return 0;
  }
  const { reason, content = {} } = description ?? {};
  const facts: [string, string][] = [
    ['id', entry.id],
    ['state', entry.place],
    ['table', entry.table],
    ['source', description?.source ?? '-'],
    ['received', description?.received_at ?? '-'],
    ['rejected', description?.rejected_at ?? '-'],
    ['reason', reason === undefined ? '-' : `${reason.code}: ${reason.message}`],
  ];
  stdout.write(`${indented(facts)}\ncontent\n${indented(Object.entries(content), '  ')}`);
  return 0;
}

async function replayLetters(context: CommandContext): Promise<number> {
  const { options, operands, stdout, clock, stderr } = context;
  const is_all = options.flag('all');
  if (is_all === operands.length > 0) throw new OperatingError('usage', { problem: 'Give the ids to replay, or --all.' });
  const patience_s = options.number('seconds', PATIENCE_S, { min: 0.1, max: PATIENCE_S_MAX });
  const desk = await openDesk(context);
  const present = await desk.list();
  const letters = is_all ? present : [...new Set(operands.map((id) => findLetter(present, id)))];
  const nothing: ReplayOutcome = { delivered: 0, came_back: 0, damaged: 0, waiting: 0, daemon_seen: true };
  const outcome = letters.length === 0 ? nothing : await new Replay(desk, clock, stderr).run(letters, patience_s * 1000);
  stdout.write(options.flag('json') ? `${JSON.stringify({ replayed: letters.length, ...outcome })}\n` : describeOutcome(outcome));
  const { came_back, damaged, waiting, daemon_seen } = outcome;
  return came_back + damaged > 0 || (waiting > 0 && daemon_seen) ? 1 : 0;
}

function describeOutcome({ delivered, came_back, damaged, waiting, daemon_seen }: ReplayOutcome): string {
  if (!daemon_seen) return `${waiting} marked. No daemon took them up; the next one that starts here delivers them.\n`;
  const more = [...(damaged > 0 ? [`${damaged} damaged and in quarantine`] : []), ...(waiting > 0 ? [`${waiting} still on the way`] : [])];
  return `${[`${delivered} delivered`, `${came_back} came back`, ...more].join(', ')}.\n`;
}

async function openDesk({ loadConfig }: CommandContext): Promise<LetterDesk> {
  return new LetterDesk(new NodeFs(), (await loadConfig()).config.data_dir);
}

function findLetter(letters: readonly LetterEntry[], id: string): LetterEntry {
  const found = letters.filter((entry) => id !== '' && entry.id.startsWith(id.toLowerCase()));
  const [first] = found;
  if (first === undefined) throw new OperatingError('letter_unknown', { id });
  if (found.length > 1) throw new OperatingError('letter_ambiguous', { id, count: found.length });
  return first;
}

/** A list does not keep what the rows hold: they may be many, and large. */
function withoutContent(description: LetterDescription | undefined): LetterDescription | undefined {
  return description === undefined ? undefined : { ...description, content: {} };
}

function view({ id, table, place }: LetterEntry, description: LetterDescription | undefined) {
  const { source, reason, received_at, rejected_at, cut_from } = description ?? {};
  return { id, state: place, table, source, reason, received_at, rejected_at, cut_from };
}

function row({ id, table, place }: LetterEntry, description: LetterDescription | undefined): readonly string[] {
  const { source = '-', reason, rejected_at = '-' } = description ?? {};
  const words = reason === undefined ? '-' : `${reason.code}: ${reason.message.replace(/\s+/g, ' ')}`;
  return [id, place, table, source, rejected_at.slice(0, 19), words.slice(0, REASON_CHARACTERS_MAX)];
}

function table(rows: readonly (readonly string[])[]): string {
  const lines = [['ID', 'STATE', 'TABLE', 'SOURCE', 'REJECTED', 'REASON'], ...rows];
  const widths = lines[0]?.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0))) ?? [];
  const format = (line: readonly string[]): string => line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ');
  return lines.map((line) => `${format(line).trimEnd()}\n`).join('');
}

function indented(facts: readonly (readonly [string, string])[], indent = ''): string {
  const width = Math.max(0, ...facts.map(([name]) => name.length));
  return facts.map(([name, value]) => `${indent}${name.padEnd(width)}  ${value}\n`).join('');
}

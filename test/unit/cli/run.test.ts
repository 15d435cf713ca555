import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CHECK_COMMAND } from '../../../src/cli/check.ts';
import type { Command, CommandEntry } from '../../../src/cli/command.ts';
import { KEYS_COMMANDS } from '../../../src/cli/keys.ts';
import { makeServeCommand } from '../../../src/cli/serve.ts';
import { SQL_COMMAND } from '../../../src/cli/sql.ts';
import { OperatingError } from '../../../src/contract/errors.ts';
import { runOnce } from './terminal.ts';

const ECHO: Command = {
  name: 'echo',
  summary: 'Print what it was given',
  operands: ['WORD'],
  options: [
    { name: 'times', value: 'N', summary: 'Print it N times (1)' },
    { name: 'loud', summary: 'Print it in capitals' },
  ],
  async run({ options, operands, stdout }) {
    const times = options.integer('times', 1, { min: 1, max: 5 });
    const word = operands[0] ?? '';
    stdout.write((options.flag('loud') ? word.toUpperCase() : word).repeat(times));
    return 0;
  },
};
const FAIL: Command = {
  name: 'fail',
  summary: 'Fail',
  options: [],
  run: async () => {
    throw new OperatingError('port_in_use', { port: 1, host: 'h', setting: 's' });
  },
};
const SERVE = makeServeCommand(() => assert.fail('help starts no daemon'));
const ENTRIES: readonly CommandEntry[] = [ECHO, FAIL, SERVE, CHECK_COMMAND, KEYS_COMMANDS, SQL_COMMAND];

test('options and operands reach the command', async () => {
  assert.equal((await runOnce(['echo', 'hey', '--times', '2', '--loud'], ENTRIES)).stdout, 'HEYHEY');
  assert.equal((await runOnce(['echo', '--', '--help'], ENTRIES)).stdout, '--help');
});

const WRONG: readonly { line: string[]; says: RegExp }[] = [
  { line: [], says: /^A subcommand is missing\. Try --help\.\nUsage: npm run -s penstock -- echo\|fail\|serve/ },
  { line: ['nonsense'], says: /^There is no subcommand "nonsense"/ },
  {
    line: ['keys'],
    says: /^keys needs one of create\|list\|revoke.*\nUsage: npm run -s penstock -- keys create\|list\|revoke \[options\]\n$/,
  },
  { line: ['keys', 'burn'], says: /^keys needs one of/ },
  { line: ['echo'], says: /^WORD is missing\. Try --help\.\nUsage: npm run -s penstock -- echo WORD \[options\]\n$/ },
  { line: ['echo', 'a', 'b'], says: /^Nothing is known about "b" here/ },
  { line: ['echo', 'a', '--size', '3'], says: /^Unknown option '--size'\. Try --help\./ },
  { line: ['echo', 'a', '--times'], says: /^Option '--times <value>' argument missing/ },
  { line: ['echo', 'a', '--times', 'x'], says: /^--times must be a whole number from 1 to 5, not "x"/ },
  { line: ['echo', 'a', '--times', '6'], says: /^--times must be/ },
  { line: ['keys', 'create', '--organization', 'o'], says: /^--use is required/ },
  {
    line: ['keys', 'create', '--use', 'fun', '--organization', 'o'],
    says: /^--use must be one of deploy, events, webhook, read, not "fun"/,
  },
];
for (const { line, says } of WRONG) {
  test(`"${line.join(' ')}" is wrong usage: the problem and the usage on stderr, exit 2`, async () => {
    const { code, stdout, stderr } = await runOnce(line, ENTRIES);
    assert.equal(code, 2);
    assert.equal(stdout, '');
    assert.match(stderr, says);
  });
}

test('an error of the world is one line on stderr and the exit code of the catalogue', async () => {
  const { code, stdout, stderr } = await runOnce(['fail'], ENTRIES);
  assert.deepEqual([code, stdout], [1, '']);
  assert.match(stderr, /^Port 1 on h is taken.*\n$/);
});

test('a wrong configuration ends any command that needs it with exit 2, wherever --config stands', async () => {
  for (const line of [
    ['check', '--config', '/none.yaml'],
    ['--config', '/none.yaml', 'check'],
    ['--config=/none.yaml', 'keys', 'list'],
  ]) {
    const { code, stderr } = await runOnce(line, ENTRIES);
    assert.equal(code, 2);
    assert.match(stderr, /^The configuration file \/none\.yaml cannot be read: ENOENT[^\n]*\n$/);
  }
});

test('help lists every subcommand, aligned, beginning with a verb', async () => {
  const { code, stdout } = await runOnce(['--help'], ENTRIES);
  assert.equal(code, 0);
  for (const name of ['serve', 'check', 'keys create', 'keys list', 'keys revoke', 'sql'])
    assert.match(stdout, new RegExp(`^ {2}${name} {2,}[A-Z]`, 'm'));
  const rows = stdout.split('\n').filter((line) => /^ {2}[a-z]/.test(line));
  assert.equal(new Set(rows.map((row) => /^ {2}\S.*? {2,}/.exec(row)?.[0].length)).size, 1);
});

for (const line of [['serve'], ['check'], ['keys'], ['keys', 'create'], ['keys', 'list'], ['keys', 'revoke'], ['sql']]) {
  test(`"${line.join(' ')} --help", "-h" and "help ${line.join(' ')}" say how it is called, and do nothing`, async () => {
    const { code, stdout, stderr } = await runOnce([...line, '--help'], ENTRIES);
    assert.deepEqual([code, stderr], [0, '']);
    assert.ok(stdout.startsWith(`Usage: npm run -s penstock -- ${line.join(' ')}`));
    assert.ok(
      stdout.split('\n').every((each) => each.length <= 140),
      'a line is too long',
    );
    assert.equal((await runOnce([...line, '-h'], ENTRIES)).stdout, stdout);
    assert.equal((await runOnce(['help', ...line], ENTRIES)).stdout, stdout);
  });
}

test('a bug is thrown on, not dressed up as an error of the world', async () => {
  const buggy: Command = { ...FAIL, run: ({ options }) => Promise.reject(new Error(options.text('undeclared'))) };
  await assert.rejects(runOnce(['fail'], [buggy]), /BUG: the command reads --undeclared/);
});

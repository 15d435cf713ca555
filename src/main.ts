#!/usr/bin/env node
/** The process: its arguments, environment, signals and streams, handed to the command line. The only reader of process.env. */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, statfs } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installedFile } from './base/installation.ts';
import { SYSTEM_CLOCK } from './base/system_clock.ts';
import { COMMANDS } from './cli/commands.ts';
import { runCommandLine } from './cli/run.ts';

const { stdout, stderr } = process;

// `penstock sql … | head`: a reader that has seen enough is no failure.
stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

// The clock's timers keep nothing alive; this does, until the command says that it is done.
const until_done = setInterval(() => undefined, 60_000);

const code = await runCommandLine(process.argv.slice(2), COMMANDS, {
  stdout,
  stderr,
  clock: SYSTEM_CLOCK,
  randomBytes,
  freeBytes,
  onSignal: (signal, handler) => void process.on(signal, handler),
  exit: (exit_code) => process.exit(exit_code),
  environment: process.env,
  working_directory: process.cwd(),
  cores: availableParallelism(),
  defaults_path: fileURLToPath(installedFile('config/default.yaml')),
  readText: (path) => readFile(path, 'utf8'),
});

clearInterval(until_done);
// Not by exitCode alone: a socket or a thread left over must not keep a finished command alive.
process.exit(code);

/** Of the nearest directory above that exists: what is made in it comes to lie on its disk. */
async function freeBytes(directory: string): Promise<number> {
  if (!existsSync(directory)) return freeBytes(dirname(directory));
  const figures = await statfs(directory);
  return figures.bavail * figures.bsize;
}

/** Runs the `curl` lines of a pipeline as its shell does, and tells what was sent and what came back. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Settings } from './daemon.ts';

/** What curl got. */
export interface CurlAnswer {
  readonly status: number;
  readonly body: string;
}

/** Stands before the lines: their `curl` also says the status. */
const TELL_STATUS = `curl() { command curl -sS --max-time 20 -w '\\n%{http_code}' "$@"; }`;
/** The same without a request: it prints what would have been sent. */
const TELL_BODY = `curl() { while [ $# -gt 0 ]; do if [ "$1" = -d ]; then printf '%s' "$2"; fi; shift; done; }`;

/** Runs lines with one curl among them. */
export async function runCurl(lines: string, environment: Settings): Promise<CurlAnswer> {
  const output = await runShell(`${TELL_STATUS}\n${lines}`, environment);
  const [, body = '', status = ''] = /^([\s\S]*)\n(\d{3})$/.exec(output) ?? [];
  if (status === '') throw new Error(`curl printed no status: ${output}`);
  return { status: Number(status), body };
}

/** The body that the one curl among `lines` sends. */
export function sentBody(lines: string, environment: Settings): Promise<string> {
  return runShell(`${TELL_BODY}\n${lines}`, environment);
}

async function runShell(script: string, environment: Settings): Promise<string> {
  const child = spawn('/bin/sh', ['-eu', '-c', script], {
    env: { PATH: process.env['PATH'] ?? '', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const texts = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk) => (texts.stdout += String(chunk)));
  child.stderr.on('data', (chunk) => (texts.stderr += String(chunk)));
  await once(child, 'close');
  if (child.exitCode !== 0) throw new Error(`the shell ended with ${child.exitCode}: ${texts.stderr}${texts.stdout}`);
  return texts.stdout;
}

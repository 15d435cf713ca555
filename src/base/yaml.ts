/**
 * YAML to values.
 *
 * Loading the parser and parsing the defaults are a tenth of the CPU of a start, and those never change: the build parses them
 * (`src/config/build.ts`). What it has parsed is found by its whole text, and so cannot be out of step with it; any other text is parsed where it is read.
 */
import { hash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { installedFile } from './installation.ts';

/** Written by the build. */
export const PARSED_DIRECTORY = fileURLToPath(installedFile('dist/src/base/parsed/'));

/** Where the build puts the values of a text. */
export function parsedPath(text: string): string {
  return `${PARSED_DIRECTORY}${hash('sha256', text, 'hex')}.json`;
}

/** @throws YAMLParseError; null for a text without values */
export async function parseYaml(text: string): Promise<unknown> {
  const path = parsedPath(text);
  if (existsSync(path)) return JSON.parse(await readFile(path, 'utf8'));
  const { parse } = await import('yaml');
  return parse(text, { logLevel: 'error' });
}

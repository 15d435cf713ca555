/** Parses the defaults once for every start, which finds them by `base/yaml.ts`; run by `npm run build`. */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parse } from 'yaml';
import { installedFile } from '../base/installation.ts';
import { PARSED_DIRECTORY, parsedPath } from '../base/yaml.ts';

const text = readFileSync(installedFile('config/default.yaml'), 'utf8');
const path = parsedPath(text);
mkdirSync(PARSED_DIRECTORY, { recursive: true });
for (const name of readdirSync(PARSED_DIRECTORY)) if (name !== basename(path)) rmSync(join(PARSED_DIRECTORY, name));
// By a rename, so that a build that was broken off leaves no half of it. Always, since another version of the parser may read it otherwise.
const unfinished = `${path}.${process.pid}`;
writeFileSync(unfinished, JSON.stringify(parse(text)));
renameSync(unfinished, path);

/**
 * Compiles the schemas that every start needs to the judges that `base/schema.ts` finds, each once; run by `npm run build`. Being
 * compiled, a schema is itself held against the meta-schema and the compiler's strict rules.
 */
import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Ajv } from 'ajv';
import standalone from 'ajv/dist/standalone/index.js';
import { JUDGES_DIRECTORY, judgePath, SCHEMA_OPTIONS } from '../base/schema.ts';
import { SCHEMAS } from './list.ts';

mkdirSync(JUDGES_DIRECTORY, { recursive: true });
const wanted = new Map(SCHEMAS.map((schema) => [basename(judgePath(schema)), schema]));
const present = new Set(readdirSync(JUDGES_DIRECTORY));
for (const name of present) if (!wanted.has(name)) rmSync(join(JUDGES_DIRECTORY, name));
for (const [name, schema] of wanted) {
  if (present.has(name)) continue;
  const ajv = new Ajv({ ...SCHEMA_OPTIONS, code: { source: true } });
  // By a rename, so that a build that was broken off leaves no half of one.
  const unfinished = join(JUDGES_DIRECTORY, `${name}.${process.pid}`);
  writeFileSync(unfinished, standalone.default(ajv, ajv.compile(schema)));
  renameSync(unfinished, join(JUDGES_DIRECTORY, name));
}

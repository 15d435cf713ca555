/**
 * Judges of JSON Schemas.
 *
 * Compiling the schemas that every start needs costs half a second of CPU in main thread and workers, so the build does it
 * (`src/schemas/build.ts`) and a start loads neither the compiler nor its work. A compiled judge is found by all that it was made of,
 * and so cannot be out of step with its schema; a schema that has none is compiled where it is needed.
 */
import { hash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { Options, ValidateFunction } from 'ajv';
import { installedFile } from './installation.ts';

/**
 * `$data` stays off (it would let a value choose its own rules), and so does allErrors (one reason is enough). Where a schema is a
 * union, its discriminator says which branch is looked at. What a schema refers to is compiled once and not wherever it is used.
 */
export const SCHEMA_OPTIONS: Options = { strict: true, allowUnionTypes: true, discriminator: true, inlineRefs: false };

/** Written by the build. */
export const JUDGES_DIRECTORY = fileURLToPath(installedFile('dist/src/base/judges/'));

/** A JSON Schema as AJV takes it. */
export type Schema = Readonly<Record<string, unknown>>;

const require = createRequire(import.meta.url);
const { version: COMPILER_VERSION }: { readonly version: string } = require('ajv/package.json');

/** Where the build puts the judge of a schema. */
export function judgePath(schema: Schema): string {
  return `${JUDGES_DIRECTORY}${hash('sha256', JSON.stringify([COMPILER_VERSION, SCHEMA_OPTIONS, schema]), 'hex')}.cjs`;
}

/** The judge of a schema: what it accepts is a `Value`. */
export function judgeOf<Value>(schema: Schema): ValidateFunction<Value> {
  const path = judgePath(schema);
  if (existsSync(path)) return require(path);
  const { Ajv }: typeof import('ajv') = require('ajv');
  return new Ajv(SCHEMA_OPTIONS).compile<Value>(schema);
}

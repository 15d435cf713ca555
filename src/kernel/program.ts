/**
 * Compiles a source's schema and plan to the program that the kernel runs; `assembly/program.ts` has the layout. A schema or a
 * plan that says anything else than what is known here has no program, and its events all take the slow path.
 */
import type { ColumnValue, RowPlan } from '../contract/row_plan.ts';
import type { JsonSchema } from '../contract/source.ts';
import type { Table } from '../contract/table.ts';

const HEADER_BYTES = 64;
const FIELD_BYTES = 64;
const STEP_BYTES = 16;
const KEY_BYTES_MAX = 16;
const FIELDS_MAX = 64;
const NO_LIMIT = 0xffffffff;
const FIELD_KIND = { text: 0, json: 1, decoder: 2 } as const;
const STEP_KIND = { constant: 0, field: 1, json: 2, empty: 3, identity: 4, time: 5 } as const;
/** The order in which the host gives a request's constants to the kernel. */
const CONSTANTS = ['organization_id', 'project_id', 'environment'];
const ROOT_KEYWORDS = ['type', 'required', 'properties'];
const FIELD_KEYWORDS = ['type', 'minLength', 'maxLength', 'enum'];

interface Field {
  readonly key: string;
  readonly kind: number;
  readonly is_nullable: boolean;
  readonly length_min: number;
  readonly length_max: number;
  readonly allowed: readonly string[];
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

function hasOnly(record: Readonly<Record<string, unknown>>, keywords: readonly string[]): boolean {
  return Object.keys(record).every((keyword) => keywords.includes(keyword));
}

function isLength(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value < NO_LIMIT;
}

/** The rules of one property; undefined when it is no text, or has a keyword that is not known here. */
function textField(key: string, rules: unknown): Field | undefined {
  if (!isRecord(rules) || !hasOnly(rules, FIELD_KEYWORDS)) return undefined;
  const { type, minLength: length_min = 0, maxLength: length_max = NO_LIMIT - 1, enum: allowed = [] } = rules;
  const is_nullable = isTexts(type) && type.length === 2 && type.includes('string') && type.includes('null');
  if ((type !== 'string' && !is_nullable) || !isLength(length_min) || !isLength(length_max) || !isTexts(allowed)) return undefined;
  if (is_nullable && allowed.length > 0) return undefined;
  return { key, kind: FIELD_KIND.text, is_nullable, length_min, length_max, allowed };
}

function otherField(key: string, kind: number): Field {
  return { key, kind, is_nullable: true, length_min: 0, length_max: NO_LIMIT, allowed: [] };
}

function fieldsOf(schema: JsonSchema, plan: RowPlan): readonly Field[] | undefined {
  const { properties } = schema;
  if (!hasOnly(schema, ROOT_KEYWORDS) || schema['type'] !== 'object' || !isRecord(properties)) return undefined;
  const json_fields = Object.values(plan.columns).flatMap((value) => (value.of === 'json' ? [value.field] : []));
  const fields = [
    ...Object.entries(properties).map(([key, rules]) => textField(key, rules)),
    ...json_fields.map((key) => otherField(key, FIELD_KIND.json)),
    ...plan.decoder_fields.map((key) => otherField(key, FIELD_KIND.decoder)),
  ];
  const known = fields.filter((field) => field !== undefined);
  const keys = known.map((field) => field.key);
  const fits = keys.every((key) => key !== '' && !/["\\]/.test(key) && Buffer.byteLength(key) <= KEY_BYTES_MAX);
  const is_known = known.length === fields.length && fits && new Set(keys).size === keys.length;
  return is_known && keys.length > 0 && keys.length <= FIELDS_MAX ? known : undefined;
}

/** Kind and argument of the step that fills a column; undefined when the plan names a field that there is not. */
function stepOf(value: ColumnValue | undefined, fields: readonly Field[]): readonly [number, number] | undefined {
  if (value === undefined) return undefined;
  if (value.of === 'identity') return [STEP_KIND.identity, 0];
  if (value.of === 'received_at') return [STEP_KIND.time, 0];
  if (value.of === 'nothing') return [STEP_KIND.empty, 0];
  if (value.of !== 'field' && value.of !== 'json') return [STEP_KIND.constant, CONSTANTS.indexOf(value.of)];
  const index = fields.findIndex((field) => field.key === value.field);
  return index < 0 ? undefined : [STEP_KIND[value.of], index];
}

/** Texts at the end of a program: their bytes follow the table of their offsets. */
function writeAllowed(program: Buffer, at: number, allowed: readonly string[]): number {
  let next = at + allowed.length * 8;
  for (const [index, text] of allowed.entries()) {
    program.writeUInt32LE(next, at + index * 8);
    const bytes = program.write(text, next);
    program.writeUInt32LE(bytes, at + index * 8 + 4);
    next += bytes;
  }
  return next;
}

function writeField(program: Buffer, at: number, field: Field, allowed_offset: number): void {
  const key_bytes = program.write(field.key, at);
  const words = [
    key_bytes,
    field.kind,
    Number(field.is_nullable),
    field.length_min,
    field.length_max,
    allowed_offset,
    field.allowed.length,
  ];
  for (const [index, word] of words.entries()) program.writeUInt32LE(word, at + 16 + index * 4);
}

/** @param first_column the kernel's number of the table's first column */
export function compileProgram(schema: JsonSchema, plan: RowPlan, table: Table, first_column: number): Uint8Array | undefined {
  const fields = fieldsOf(schema, plan);
  const required = schema['required'] ?? [];
  if (fields === undefined || !isTexts(required) || Buffer.byteLength(plan.batch) > KEY_BYTES_MAX) return undefined;
  const required_indexes = required.map((key) => fields.findIndex((field) => field.key === key));
  const steps = table.columns.map((column) => stepOf(plan.columns[column.name], fields));
  if (required_indexes.includes(-1)) return undefined;
  const allowed_bytes = fields.flatMap((field) => field.allowed).reduce((sum, text) => sum + 8 + Buffer.byteLength(text), 0);
  const steps_offset = HEADER_BYTES + fields.length * FIELD_BYTES;
  const program = Buffer.alloc(steps_offset + steps.length * STEP_BYTES + allowed_bytes);
  program.writeUInt32LE(fields.length, 0);
  program.writeUInt32LE(steps.length, 4);
  program.writeBigUInt64LE(
    required_indexes.reduce((mask, index) => mask | (1n << BigInt(index)), 0n),
    8,
  );
  program.writeUInt32LE(program.write(plan.batch, 16), 32);
  let allowed_offset = steps_offset + steps.length * STEP_BYTES;
  for (const [index, field] of fields.entries()) {
    writeField(program, HEADER_BYTES + index * FIELD_BYTES, field, allowed_offset);
    allowed_offset = writeAllowed(program, allowed_offset, field.allowed);
  }
  for (const [index, step] of steps.entries()) {
    if (step === undefined) return undefined;
    const at = steps_offset + index * STEP_BYTES;
    program.writeUInt32LE(step[0], at);
    program.writeUInt32LE(first_column + index, at + 4);
    program.writeUInt32LE(step[1], at + 8);
  }
  return program;
}

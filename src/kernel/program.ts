/**
 * Compiles a source's schema and plan to the program that the kernel runs; `assembly/program.ts` has the layout. A schema or a
 * plan that says anything else than what is known here has no program, and its events all take the slow path.
 */
import { isRecord } from '../base/json.ts';
import type { ColumnValue, RowPlan } from '../contract/row_plan.ts';
import type { JsonSchema } from '../contract/source.ts';
import type { Column, Table } from '../contract/table.ts';

const WORD_BYTES = 4;
const HEADER_BYTES = 128;
const SCOPE_OFFSET = 48;
const FIELD_BYTES = 128;
const FILL_BYTES = 16;
const KEY_BYTES_MAX = 16;
const FIELD_WORDS_OFFSET = 48;
const FIELD_BIT_OFFSET = 112;
/** A word that the kernel writes itself. */
const THE_KERNELS = 0;
/** Texts of more bytes do not take the short way. */
const SHORT_BYTES_MAX = 127;
const FIELDS_MAX = 64;
const UTF8_BYTES_MAX = 4;
const NO_LIMIT = 0xffffffff;
const NO_COLUMN = 0xffffffff;
const FIELD_KIND = { dictionary: 0, string: 1, text: 2, json: 3, name: 4, number: 5, integer: 6, boolean: 7 } as const;
const SCALAR_TYPES = ['number', 'integer', 'boolean'] as const;
const FILL_KIND = { constant: 0, empty: 1, time: 2 } as const;
/** The order in which the host gives a request's constants to the kernel. */
const CONSTANTS = ['organization_id', 'project_id', 'environment'];
const ROOT_KEYWORDS = ['type', 'required', 'properties'];
const FIELD_KEYWORDS = ['type', 'minLength', 'maxLength', 'enum'];

/** What the schema and the plan say of one member of an event. */
interface Field {
  readonly key: string;
  readonly of: 'text' | 'json' | 'name' | (typeof SCALAR_TYPES)[number];
  readonly is_nullable: boolean;
  readonly length_min: number;
  readonly length_max: number;
  readonly allowed: readonly string[];
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
  return { key, of: 'text', is_nullable, length_min, length_max, allowed };
}

function otherField(key: string, of: Field['of'], is_nullable = true): Field {
  return { key, of, is_nullable, length_min: 0, length_max: NO_LIMIT, allowed: [] };
}

/** A number, an integer or a boolean of which no more is asked; undefined when it is none. */
function scalarField(key: string, rules: unknown): Field | undefined {
  if (!isRecord(rules) || !hasOnly(rules, ['type'])) return undefined;
  const types = isTexts(rules['type']) ? rules['type'] : [rules['type']];
  const of = SCALAR_TYPES.find((type) => types.includes(type));
  const is_nullable = types.includes('null');
  return of !== undefined && types.length === (is_nullable ? 2 : 1) ? otherField(key, of, is_nullable) : undefined;
}

function fieldsOf(schema: JsonSchema, plan: RowPlan): readonly Field[] | undefined {
  const { properties } = schema;
  if (!hasOnly(schema, ROOT_KEYWORDS) || schema['type'] !== 'object' || !isRecord(properties)) return undefined;
  const json_fields = Object.values(plan.columns).flatMap((value) => (value.of === 'json' ? [value.field] : []));
  const fields = [
    ...Object.entries(properties).map(([key, rules]) => textField(key, rules) ?? scalarField(key, rules)),
    ...json_fields.map((key) => otherField(key, 'json')),
    ...Object.values(plan.columns).flatMap((value) => (value.of === 'identity' ? [otherField(value.name, 'name')] : [])),
  ];
  const known = fields.filter((field) => field !== undefined);
  const keys = known.map((field) => field.key);
  const fits = keys.every((key) => key !== '' && !/["\\]/.test(key) && Buffer.byteLength(key) <= KEY_BYTES_MAX);
  const is_known = known.length === fields.length && fits && new Set(keys).size === keys.length;
  return is_known && keys.length > 0 && keys.length <= FIELDS_MAX ? known : undefined;
}

/** A column that does not depend on the event: where it is in the table, and what fills it. */
interface Fill {
  readonly column: number;
  readonly kind: number;
  readonly argument: number;
}

/** Where the plan puts what: a column each for some of the fields, at most one for the identity, and the fills. */
interface Layout {
  readonly kinds: number[];
  readonly columns: number[];
  readonly fills: Fill[];
  identity: number;
  /** The fields among whose equals a name tells an event from others. */
  scope: readonly number[];
}

function fieldKind(field: Field, column: Column): number | undefined {
  if (field.of === 'json') return column.kind === 'json' || column.kind === 'string' ? FIELD_KIND.json : undefined;
  if (field.of !== 'text' || (column.kind !== 'dictionary' && column.kind !== 'string')) return undefined;
  return FIELD_KIND[column.kind];
}

/** Gives a column to the field that fills it; false when the field has one, or cannot fill such a column. */
function placeField(layout: Layout, fields: readonly Field[], value: ColumnValue, column: Column, index: number): boolean {
  if (value.of !== 'field' && value.of !== 'json') return false;
  const field = fields.findIndex(({ key }) => key === value.field);
  if (field < 0 || layout.columns[field] !== NO_COLUMN || (fields[field].of === 'json') !== (value.of === 'json')) return false;
  const kind = fieldKind(fields[field], column);
  if (kind === undefined) return false;
  layout.kinds[field] = kind;
  layout.columns[field] = index;
  return true;
}

function placeColumn(layout: Layout, fields: readonly Field[], value: ColumnValue | undefined, column: Column, index: number): boolean {
  if (value === undefined) return false;
  const is_text = column.kind === 'dictionary' || column.kind === 'string';
  const fill = (kind: number, argument = 0): boolean => layout.fills.push({ column: index, kind, argument }) > 0;
  switch (value.of) {
    case 'field':
    case 'json':
      return placeField(layout, fields, value, column, index);
    case 'identity':
      if (layout.identity !== NO_COLUMN || column.kind !== 'uuid') return false;
      layout.identity = index;
      layout.scope = value.scope.map((key) => fields.findIndex((field) => field.key === key));
      return true;
    case 'received_at':
      return column.kind === 'datetime64' && fill(FILL_KIND.time);
    case 'nothing':
      return is_text && fill(FILL_KIND.empty);
    default:
      return is_text && fill(FILL_KIND.constant, CONSTANTS.indexOf(value.of));
  }
}

/** Undefined when a column has no value, or one that the kernel cannot give it. */
function layOut(fields: readonly Field[], plan: RowPlan, table: Table): Layout | undefined {
  const kinds = fields.map(({ of }): number => FIELD_KIND[of]);
  const layout: Layout = { kinds, columns: fields.map(() => NO_COLUMN), fills: [], identity: NO_COLUMN, scope: [] };
  const is_known = table.columns.every((column, index) => placeColumn(layout, fields, plan.columns[column.name], column, index));
  const has_columns = fields.every(({ of }, index) => of !== 'json' || layout.columns[index] !== NO_COLUMN);
  return is_known && has_columns ? layout : undefined;
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

function bitMask(indexes: readonly number[]): bigint {
  return indexes.reduce((mask, index) => mask | (1n << BigInt(index)), 0n);
}

function writeWords(program: Buffer, at: number, words: readonly number[]): void {
  for (const [index, word] of words.entries()) program.writeUInt32LE(word, at + index * 4);
}

/** Of which lengths in bytes, from the least on, a plain text is certain to be accepted, whatever its characters are: perhaps none. */
function shortLengths({ length_min, length_max, allowed }: Field): [least: number, span: number] {
  const least = length_min <= 1 ? length_min : length_min * UTF8_BYTES_MAX;
  const most = Math.min(length_max, SHORT_BYTES_MAX);
  return allowed.length > 0 || least > most ? [NO_LIMIT, 0] : [least, most - least];
}

/** @param column the kernel's number of the field's column */
function writeField(program: Buffer, index: number, field: Field, kind: number, column: number, allowed_offset: number): void {
  const at = HEADER_BYTES + index * FIELD_BYTES;
  const { key, is_nullable, length_min, length_max, allowed } = field;
  const key_bytes = program.write(key, at);
  const rules = [kind, Number(is_nullable), length_min, length_max, allowed_offset, allowed.length, column];
  writeWords(program, at + FIELD_WORDS_OFFSET, [key_bytes, THE_KERNELS, ...rules, ...shortLengths(field)]);
  program.writeBigUInt64LE(1n << BigInt(index), at + FIELD_BIT_OFFSET);
}

/** @param first_column the kernel's number of the table's first column */
export function compileProgram(schema: JsonSchema, plan: RowPlan, table: Table, first_column: number): Uint8Array | undefined {
  const fields = fieldsOf(schema, plan);
  const required = schema['required'] ?? [];
  if (fields === undefined || !isTexts(required) || Buffer.byteLength(plan.batch) > KEY_BYTES_MAX) return undefined;
  const required_indexes = required.map((key) => fields.findIndex((field) => field.key === key));
  const layout = layOut(fields, plan, table);
  if (required_indexes.includes(-1) || layout === undefined) return undefined;
  if (!layout.scope.every((field) => required_indexes.includes(field) && layout.columns[field] !== NO_COLUMN)) return undefined;
  const kernel_column = (column: number): number => (column === NO_COLUMN ? NO_COLUMN : first_column + column);
  const allowed_bytes = fields.flatMap((field) => field.allowed).reduce((sum, text) => sum + 8 + Buffer.byteLength(text), 0);
  const fills_offset = HEADER_BYTES + fields.length * FIELD_BYTES;
  const scope_offset = fills_offset + layout.fills.length * FILL_BYTES;
  let allowed_offset = scope_offset + (1 + layout.scope.length) * WORD_BYTES;
  const program = Buffer.alloc(allowed_offset + allowed_bytes);
  writeWords(program, 0, [fields.length, layout.fills.length]);
  program.writeBigUInt64LE(bitMask(required_indexes), 8);
  writeWords(program, 32, [program.write(plan.batch, 16), kernel_column(layout.identity)]);
  const with_column = layout.columns.flatMap((column, index) => (column === NO_COLUMN ? [] : [index]));
  program.writeBigUInt64LE(bitMask(with_column), 40);
  writeWords(program, SCOPE_OFFSET, [scope_offset]);
  writeWords(program, scope_offset, [layout.scope.length, ...layout.scope]);
  for (const [index, field] of fields.entries()) {
    writeField(program, index, field, layout.kinds[index], kernel_column(layout.columns[index]), allowed_offset);
    allowed_offset = writeAllowed(program, allowed_offset, field.allowed);
  }
  for (const [index, { kind, column, argument }] of layout.fills.entries()) {
    writeWords(program, fills_offset + index * FILL_BYTES, [kind, first_column + column, argument]);
  }
  return program;
}

/**
 * The texts that a schema's verdict can depend on: those that it lists. Of every other text it only asks whether it is one, so that its
 * verdict on a body follows from the body's outline. A schema that asks for anything else has no words, and its bodies are all read.
 */
import { isRecord } from '../../base/json.ts';
import type { JsonSchema } from '../../contract/source.ts';
import { WORD_BYTES_MAX } from '../../kernel/outlines.ts';

/** Of a text or a number these only ask whether it is one. */
const TYPES: ReadonlySet<unknown> = new Set(['object', 'array', 'string', 'number', 'boolean', 'null']);
/** What has schemas by names that are not keywords. */
const NAMED_SCHEMAS: ReadonlySet<string> = new Set(['properties', '$defs']);
const SCHEMAS: ReadonlySet<string> = new Set(['items', 'additionalProperties', 'if', 'then', 'else', 'not']);
/** What is about keys, or refers to what is looked at where it stands. */
const HARMLESS: ReadonlySet<string> = new Set(['required', '$ref', 'discriminator']);

/** The texts that `schema` lists; undefined where its verdict may depend on more of a body than its outline. */
export function outlineWords(schema: JsonSchema): readonly string[] | undefined {
  const words = new Set<string>();
  return collect(schema, words) ? [...words] : undefined;
}

function collect(schema: unknown, words: Set<string>): boolean {
  if (typeof schema === 'boolean') return true;
  return isRecord(schema) && Object.entries(schema).every(([keyword, value]) => collectKeyword(keyword, value, words));
}

function collectKeyword(keyword: string, value: unknown, words: Set<string>): boolean {
  if (HARMLESS.has(keyword)) return true;
  if (SCHEMAS.has(keyword)) return collect(value, words);
  if (NAMED_SCHEMAS.has(keyword)) return isRecord(value) && Object.values(value).every((schema) => collect(schema, words));
  switch (keyword) {
    case 'type':
      return [value].flat().every((type) => TYPES.has(type));
    case 'oneOf':
      return Array.isArray(value) && value.every((schema) => collect(schema, words));
    case 'enum':
      return Array.isArray(value) && value.every((text) => collectWord(text, words));
    case 'const':
      return collectWord(value, words);
    default:
      return false;
  }
}

function collectWord(text: unknown, words: Set<string>): boolean {
  if (typeof text !== 'string' || Buffer.byteLength(text) > WORD_BYTES_MAX) return false;
  words.add(text);
  return true;
}

/**
 * Values as people write them: sizes such as `64 MiB`, texts of the environment, and, the other way, what a message shows
 * of a value. Nothing secret is ever shown.
 */
import type { SchemaNode } from './schema.ts';

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
const SIZE = /^([0-9]+(?:\.[0-9]+)?) ?(B|KiB|MiB|GiB|TiB)$/;
const SHOWN_CHARACTERS_MAX = 80;

/** Whether a setting of this path counts bytes, so that `64 MiB` may stand for the number. */
export function countsBytes(path: string): boolean {
  return /(^|[._])bytes(_|$)/.test(path);
}

/** The bytes that `text` (`64 MiB`, `1.5 GiB`) stands for; undefined when it is no size. */
export function parseSize(text: string): number | undefined {
  const [, amount, unit] = SIZE.exec(text.trim()) ?? [];
  if (amount === undefined || unit === undefined) return undefined;
  return Math.round(Number(amount) * 1024 ** UNITS.indexOf(unit));
}

/** The shortest exact form of a size: `64 MiB`, or `1000 B` when no unit divides it. */
export function formatSize(size_bytes: number): string {
  let unit = 0;
  let size = size_bytes;
  while (size >= 1024 && size % 1024 === 0 && unit < UNITS.length - 1) {
    size /= 1024;
    unit++;
  }
  return `${size} ${UNITS[unit]}`;
}

/** The value that a text of the environment means for a setting; a text that means none stays as it is, for the check to refuse. */
export function parseText(text: string, schema: SchemaNode): unknown {
  const types = [schema.type].flat();
  if (types.includes('null') && (text === '' || text === 'null')) return null;
  if (types.includes('array')) return text.split(',').flatMap((part) => part.trim() || []);
  if (types.includes('number') && /^[0-9]*\.?[0-9]+$/.test(text)) return Number(text);
  if (types.includes('integer') && /^-?[0-9]+$/.test(text)) return Number(text);
  return text;
}

/** What a setting may be, in words. */
export function describeAllowed(path: string, schema: SchemaNode): string {
  if (schema.description !== undefined) return `allowed: ${schema.description}`;
  if (schema.properties !== undefined) return `allowed: a section with ${Object.keys(schema.properties).join(', ')}`;
  if (schema.enum !== undefined) return `allowed: ${schema.enum.join(', ')}`;
  if (schema.minimum !== undefined && schema.maximum !== undefined) {
    if (countsBytes(path)) return `allowed: ${formatSize(schema.minimum)} to ${formatSize(schema.maximum)}, as such or in bytes`;
    return `allowed: a whole number from ${schema.minimum} to ${schema.maximum}`;
  }
  return schema.maxLength === undefined ? 'allowed: text that is not empty' : `allowed: text of 1 to ${schema.maxLength} characters`;
}

/** A value as a message may show it: short, and without the secrets of the settings that hold one. */
export function showValue(path: string, value: unknown): string {
  if (/token$|password$/.test(path)) return typeof value === 'string' ? 'the given text' : `a value of type ${typeof value}`;
  const shown = (JSON.stringify(value) ?? String(value)).replace(/\/\/.*@/, '//…@').replace(/(:\/\/[^?]*\?).*/, '$1…"');
  return shown.length > SHOWN_CHARACTERS_MAX ? `${shown.slice(0, SHOWN_CHARACTERS_MAX)}…` : shown;
}

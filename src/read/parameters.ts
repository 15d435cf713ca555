/** Parameters of read requests, parsed once and bounded. What is wrong is a `parameter_invalid` that names it and says what is allowed. */
import { OperatingError } from '../contract/errors.ts';

/** `2026-11-21`, or with a time, to the second or finer, and a zone; without a zone it is UTC. */
const ISO = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)(Z|[+-]\d{2}:?\d{2})?)?$/i;
/** What a DateTime64(3) compares well with. */
const TIME_MS_MIN = Date.UTC(1970, 0, 1);
const TIME_MS_MAX = Date.UTC(2200, 0, 1);
const SHOWN_CHARACTERS_MAX = 64;

type Values = ReadonlyMap<string, string>;

/** An ISO 8601 date or time as milliseconds since the epoch; undefined when absent. */
export function readTime(values: Values, name: string): number | undefined {
  const text = values.get(name);
  if (text === undefined) return undefined;
  const [, date, time = '00:00', zone = 'Z'] = ISO.exec(text) ?? [];
  const time_ms = date === undefined ? Number.NaN : Date.parse(`${date}T${time}${zone.toUpperCase()}`);
  // Date.parse takes the 31st of February for the 3rd of March.
  const is_real = date !== undefined && Date.parse(date) >= 0 && new Date(`${date}T00:00Z`).toISOString().startsWith(date);
  if (is_real && time_ms >= TIME_MS_MIN && time_ms <= TIME_MS_MAX) return time_ms;
  throw invalidParameter(name, `${shown(text)} is no ISO 8601 date or time such as 2026-11-21 or 2026-11-21T10:00:00Z`);
}

/** A whole number within bounds, or `absent`. */
export function readInteger(values: Values, name: string, absent: number, min: number, max: number): number {
  const text = values.get(name);
  if (text === undefined) return absent;
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw invalidParameter(name, `${shown(text)} is no whole number from ${min} to ${max}`);
}

/** One of `allowed`, or undefined when absent. */
export function readChoice<Choice extends string>(values: Values, name: string, allowed: readonly Choice[]): Choice | undefined {
  const text = values.get(name);
  const choice = allowed.find((candidate) => candidate === text);
  if (text === undefined || choice !== undefined) return choice;
  throw invalidParameter(name, `${shown(text)} is not one of ${allowed.join(', ')}`);
}

/** Any text but the empty one, up to so many code points; undefined when absent. */
export function readText(values: Values, name: string, code_points_max: number): string | undefined {
  const text = values.get(name);
  if (text === undefined) return undefined;
  if (text !== '' && [...text].length <= code_points_max) return text;
  throw invalidParameter(name, `it must have 1 to ${code_points_max} characters`);
}

export function invalidParameter(parameter: string, problem: string): OperatingError {
  return new OperatingError('parameter_invalid', { parameter, problem });
}

function shown(text: string): string {
  return JSON.stringify(text.slice(0, SHOWN_CHARACTERS_MAX));
}

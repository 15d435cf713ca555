/** Turns what AJV found into the one line that a user reads: the setting, where it was set, its value, what is allowed. */
import type { ErrorObject } from 'ajv';
import { assert } from '../base/assert.ts';
import { OperatingError } from '../contract/errors.ts';
import { CONFIG_SCHEMA, type SchemaNode, SETTINGS } from './schema.ts';
import { describeAllowed, showValue } from './values.ts';

/** Says which file or environment variable set a setting; undefined when none did. */
export type OriginOf = (path: string) => string | undefined;

/** The error for the first violation in `values`. */
export function explainViolation(violation: ErrorObject | undefined, values: unknown, origin_of: OriginOf): OperatingError {
  assert(violation !== undefined, 'BUG: the check of the configuration failed without a reason');
  const names = violation.instancePath.split('/').slice(1).map(decodePointer);
  const { additionalProperty: unknown_name }: { readonly additionalProperty?: unknown } = violation.params;
  const value_names = typeof unknown_name === 'string' ? [...names, unknown_name] : names;
  const path = value_names.join('.');
  const value = value_names.reduce<unknown>(child, values);
  const allowed = typeof unknown_name === 'string' ? describeSection(names) : describeAllowed(path, schemaAt(names));
  return invalid(path, showValue(path, value), allowed, origin_of);
}

/** The error for a setting whose value is refused; the message names its origin beside its path. */
export function invalid(path: string, value: string, allowed: string, origin_of: OriginOf): OperatingError {
  const origin = origin_of(path);
  const shown_path = path === '' ? 'The configuration' : path;
  return new OperatingError('config_invalid', { path: origin === undefined ? shown_path : `${shown_path} (${origin})`, value, allowed });
}

function describeSection(names: readonly string[]): string {
  const section = names.join('.');
  const keys = Object.keys(schemaAt(names).properties ?? {}).join(', ');
  return `there is no such setting: ${section === '' ? 'the sections are' : `${section} has`} ${keys}`;
}

function schemaAt(names: readonly string[]): SchemaNode {
  const root: SchemaNode = CONFIG_SCHEMA;
  return SETTINGS.get(names.join('.')) ?? names.reduce((node, name) => node.properties?.[name] ?? node, root);
}

function child(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Object.getOwnPropertyDescriptor(value, name)?.value : undefined;
}

function decodePointer(token: string): string {
  return token.replaceAll('~1', '/').replaceAll('~0', '~');
}

/**
 * Settings and literals as SQL text. Settings stand in the statement that they are for; as `SET` they would outlive it on
 * the engine's connection and change the next client's query.
 */
import { exception } from './exception.ts';

export type Settings = ReadonlyMap<string, string>;

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** A string literal. Only backslash and quote can end one early; NUL would end the text at the engine's C border. */
export function stringLiteral(value: string): string {
  return `'${value.replace(/[\\']/g, '\\$&').replaceAll('\0', '\\0')}'`;
}

/** A quoted identifier. */
export function quotedIdentifier(name: string): string {
  return `\`${name.replace(/[\\`]/g, '\\$&').replaceAll('\0', '\\0')}\``;
}

/** `a = '1', b = 'x'`; the engine converts each string to the setting's type. Throws BAD_ARGUMENTS on an impossible name. */
export function settingsList(settings: Settings): string {
  return Array.from(settings, ([name, value]) => `${checkedName(name)} = ${stringLiteral(value)}`).join(', ');
}

/** The statement that gives a session the values of `{name:Type}`; the engine parses them by the placeholder's type. */
export function parametersStatement(parameters: Settings): string {
  return `SET ${Array.from(parameters, ([name, value]) => `param_${checkedName(name)} = ${stringLiteral(value)}`).join(', ')}`;
}

function checkedName(name: string): string {
  if (!NAME.test(name)) throw exception('BAD_ARGUMENTS', `'${name}' is no name of a setting or a parameter`);
  return name;
}

/**
 * Reads the configuration: `default.yaml`, then the file the user names, then the environment, each over the one before.
 *
 * The result is complete, checked by AJV against the one schema and by `limits.ts` as a whole, and frozen. What is wrong
 * stops with one error that names the setting, where it was set, its value and what is allowed. Files and environment
 * come in as arguments; this module reads neither by itself.
 */
import { resolve } from 'node:path';
import { judgeOf } from '../base/schema.ts';
import { parseYaml } from '../base/yaml.ts';
import { OperatingError } from '../contract/errors.ts';
import { explainViolation } from './explain.ts';
import { checkLimits } from './limits.ts';
import { CONFIG_SCHEMA, type Config, SETTINGS } from './schema.ts';
import { countsBytes, parseSize, parseText, showValue } from './values.ts';

export interface ConfigSources {
  /** Path of the `default.yaml` that came with the program. */
  readonly defaults_path: string;
  /** The user's file (`--config`); without one, PENSTOCK_CONFIG of the environment names it. */
  readonly config_path: string | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Reads a whole file as UTF-8; rejects with the operating system's error. */
  readonly readText: (path: string) => Promise<string>;
  /** What relative paths in the configuration are relative to. */
  readonly working_directory: string;
  /** Processor cores, for `workers.threads: auto`. */
  readonly cores: number;
}

export interface LoadedConfig {
  readonly config: Config;
  /** What deserves a word and stops nothing: names in the environment that match no setting. */
  readonly warnings: readonly string[];
  /** Where it came from, in order: paths of files, names of environment variables. */
  readonly origins: readonly string[];
}

/** One layer: values by path, as far as it sets them, and the name of its origin for each. */
interface Layer {
  readonly values: unknown;
  readonly originOf: (path: string) => string | undefined;
}

const ENVIRONMENT_PREFIX = 'PENSTOCK_';
const CONFIG_PATH_NAME = 'PENSTOCK_CONFIG';

const validate = judgeOf<Config>(CONFIG_SCHEMA);

/** Throws the OperatingErrors `config_unreadable` and `config_invalid`. */
export async function loadConfig(sources: ConfigSources): Promise<LoadedConfig> {
  const named_path = sources.config_path ?? sources.environment[CONFIG_PATH_NAME];
  const user_path = named_path === undefined || named_path === '' ? [] : [resolve(sources.working_directory, named_path)];
  const files = await Promise.all([sources.defaults_path, ...user_path].map((path) => readLayer(path, sources.readText)));
  const { layer, names, warnings } = readEnvironment(sources.environment);
  const layers = [...files, layer];
  const origin_of = (path: string): string | undefined => layers.findLast((each) => each.originOf(path) !== undefined)?.originOf(path);
  const merged = toMachineValues(layers.map((each) => each.values).reduce(merge), '', sources);
  if (!validate(merged)) throw explainViolation(validate.errors?.[0], merged, origin_of);
  checkLimits(merged, origin_of);
  return { config: deepFreeze(merged), warnings, origins: [sources.defaults_path, ...user_path, ...names] };
}

async function readLayer(path: string, read_text: (path: string) => Promise<string>): Promise<Layer> {
  try {
    const values = (await parseYaml(await read_text(path))) ?? {};
    if (!isSection(values)) throw new Error(`it holds ${showValue('', values)}, not sections such as "http:"`);
    return { values, originOf: (setting) => (lookup(values, setting) === undefined ? undefined : path) };
  } catch (error) {
    // The YAML parser draws a picture below its first line; one line is what a log can hold.
    const reason = error instanceof Error ? (error.message.split('\n')[0] ?? '').replace(/[:.]$/, '') : String(error);
    throw new OperatingError('config_unreadable', { path, reason }, { cause: error });
  }
}

function readEnvironment(environment: ConfigSources['environment']): { layer: Layer; names: string[]; warnings: string[] } {
  const paths = new Map([...SETTINGS.keys()].map((path) => [environmentName(path), path]));
  const set = new Map<string, string>();
  const warnings: string[] = [];
  let values: unknown = {};
  for (const [name, text] of Object.entries(environment).toSorted()) {
    if (text === undefined || !name.startsWith(ENVIRONMENT_PREFIX) || name === CONFIG_PATH_NAME) continue;
    const path = paths.get(name);
    const schema = path === undefined ? undefined : SETTINGS.get(path);
    if (path === undefined || schema === undefined) {
      warnings.push(`The environment variable ${name} matches no setting and is ignored.`);
      continue;
    }
    set.set(path, name);
    values = merge(values, nest(path.split('.'), parseText(text, schema)));
  }
  return { layer: { values, originOf: (path) => set.get(path) }, names: [...set.values()], warnings };
}

/** The environment variable of a setting: `http.port` is PENSTOCK_HTTP__PORT. */
export function environmentName(path: string): string {
  return ENVIRONMENT_PREFIX + path.replaceAll('.', '__').toUpperCase();
}

function nest(path: readonly string[], value: unknown): unknown {
  return path.reduceRight<unknown>((inner, name) => ({ [name]: inner }), value);
}

/** `over` wins; sections are merged, and an empty section (`http:` with nothing below) changes nothing. */
function merge(base: unknown, over: unknown): unknown {
  if (!isSection(base)) return over;
  if (over === null) return base;
  if (!isSection(over)) return over;
  const merged = new Map(Object.entries(base));
  for (const [name, value] of Object.entries(over)) merged.set(name, merge(merged.get(name), value));
  // fromEntries defines own properties, so that a key __proto__ is data like any other and is refused as unknown.
  return Object.fromEntries(merged);
}

/** Replaces what people write for people: sizes by bytes, `auto` by this machine's threads, paths by absolute ones. */
function toMachineValues(value: unknown, path: string, machine: Pick<ConfigSources, 'cores' | 'working_directory'>): unknown {
  if (isSection(value)) {
    const prefix = path === '' ? '' : `${path}.`;
    return Object.fromEntries(Object.entries(value).map(([name, child]) => [name, toMachineValues(child, prefix + name, machine)]));
  }
  if (typeof value !== 'string') return value;
  if (path === 'workers.threads' && value === 'auto') return Math.max(1, machine.cores - 1);
  if (isPath(path) && value !== '') return resolve(machine.working_directory, value);
  return countsBytes(path) ? (parseSize(value) ?? value) : value;
}

function isPath(path: string): boolean {
  return path === 'data_dir' || path.endsWith('_file');
}

function lookup(values: unknown, path: string): unknown {
  return path.split('.').reduce((inner, name) => (isSection(inner) && Object.hasOwn(inner, name) ? inner[name] : undefined), values);
}

function isSection(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function deepFreeze<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null) Object.values(value).forEach(deepFreeze);
  return Object.freeze(value);
}

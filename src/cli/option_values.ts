/** The options of one command line, read by type; a value that is not one is a `usage` error that says what is allowed. */
import { assert } from '../base/assert.ts';
import { OperatingError } from '../contract/errors.ts';

export interface NumberBounds {
  readonly min: number;
  readonly max: number;
}

export class OptionValues {
  private readonly declared: ReadonlySet<string>;
  private readonly values: Readonly<Record<string, string | boolean | undefined>>;

  /** @param declared names of all options that the command has, so that a misspelt one in our own code is found. */
  constructor(declared: ReadonlySet<string>, values: Readonly<Record<string, string | boolean | undefined>>) {
    this.declared = declared;
    this.values = values;
  }

  /** The text given, or undefined. */
  text(name: string): string | undefined {
    const value = this.read(name);
    return typeof value === 'string' ? value : undefined;
  }

  /** The text given; its absence is a `usage` error. */
  requiredText(name: string): string {
    const value = this.text(name);
    return value === undefined || value === '' ? this.missing(name) : value;
  }

  /** Throws the `usage` error for an option that must be there. */
  missing(name: string): never {
    throw new OperatingError('usage', { problem: `--${name} is required.` });
  }

  /** One of `allowed`, or undefined when the option is absent. */
  choice<Choice extends string>(name: string, allowed: readonly Choice[]): Choice | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    const choice = allowed.find((candidate) => candidate === value);
    if (choice !== undefined) return choice;
    throw new OperatingError('usage', { problem: `--${name} must be one of ${allowed.join(', ')}, not ${JSON.stringify(value)}.` });
  }

  flag(name: string): boolean {
    return this.read(name) === true;
  }

  /** The whole number given, or `absent`. */
  integer(name: string, absent: number, bounds: NumberBounds): number {
    return this.numeric(name, absent, bounds, 'a whole number', Number.isSafeInteger);
  }

  /** The number given, or `absent`. */
  number(name: string, absent: number, bounds: NumberBounds): number {
    return this.numeric(name, absent, bounds, 'a number', Number.isFinite);
  }

  private numeric(name: string, absent: number, bounds: NumberBounds, kind: string, is_kind: (value: number) => boolean): number {
    const text = this.text(name);
    if (text === undefined) return absent;
    const value = /^[-+]?[0-9.]+(e[0-9]+)?$/i.test(text) ? Number(text) : Number.NaN;
    if (is_kind(value) && value >= bounds.min && value <= bounds.max) return value;
    const range = `${kind} from ${bounds.min} to ${bounds.max}`;
    throw new OperatingError('usage', { problem: `--${name} must be ${range}, not ${JSON.stringify(text)}.` });
  }

  private read(name: string): string | boolean | undefined {
    assert(this.declared.has(name), `BUG: the command reads --${name} without declaring it`);
    return this.values[name];
  }
}

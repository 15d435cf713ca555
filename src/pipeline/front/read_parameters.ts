/** What a read request asks for, from its URL: the pattern's parameters and the query string, decoded and bounded. */
import { OperatingError } from '../../contract/errors.ts';

/** What is read of a request's line. */
export interface RequestLine {
  /** The parameter at a position of the pattern, as sent. */
  getParameter(position: number): string | undefined;
  /** Without the question mark, as sent; empty or absent when there is none. */
  getQuery(): string | undefined;
}

/** A message shows no more of what a client sent. */
const SHOWN_CHARACTERS_MAX = 64;

/** The names of a pattern's parameters in their order: `/products/:name/versions` has `name`. */
export function parameterNames(pattern: string): string[] {
  return [...pattern.matchAll(/:([a-z_]+)/g)].map(([, name = '']) => name);
}

/** Decodes the parameters `names` of a path. Throws `parameter_invalid`. */
export function readPathValues(names: readonly string[], line: RequestLine): ReadonlyMap<string, string> {
  return new Map(
    names.map((name, position) => {
      const value = decode(line.getParameter(position) ?? '', name);
      if (value === '') throw invalid(name, 'it is empty');
      return [name, value];
    }),
  );
}

/** Decodes a query string whose names are among `allowed`, each at most once. Throws `parameter_invalid`. */
export function readQuery(allowed: readonly string[], line: RequestLine): ReadonlyMap<string, string> {
  const query = new Map<string, string>();
  for (const pair of (line.getQuery() ?? '').split('&')) {
    if (pair === '') continue;
    const end = pair.indexOf('=') < 0 ? pair.length : pair.indexOf('=');
    const shown = pair.slice(0, Math.min(end, SHOWN_CHARACTERS_MAX));
    const name = decode(pair.slice(0, end).replaceAll('+', ' '), shown);
    if (!allowed.includes(name)) throw invalid(shown, allowedNames(allowed));
    if (query.has(name)) throw invalid(name, 'it is given more than once');
    query.set(name, decode(pair.slice(end + 1).replaceAll('+', ' '), name));
  }
  return query;
}

function allowedNames(allowed: readonly string[]): string {
  return allowed.length === 0 ? 'this address takes no parameters' : `this address takes ${allowed.join(', ')}`;
}

function decode(text: string, name: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalid(name, 'its percent-encoding is malformed');
  }
}

function invalid(parameter: string, problem: string): OperatingError {
  return new OperatingError('parameter_invalid', { parameter, problem });
}

/**
 * A lexer for ClickHouse SQL that is stricter than ClickHouse's own.
 *
 * It works on bytes held in a latin1 string (one character is one byte), so that offsets into a request's body are exact.
 * Its promise: where it says that a statement ends, the engine agrees. So whatever two lexers could read differently is
 * refused instead of guessed at: NUL, `$` (heredocs), `#` and `//` comments, nested comments, bytes over 127 outside
 * quotes (ClickHouse knows Unicode white space and quotes), escapes in `x'…'`. Comments never reach the engine.
 */
import { exception } from './exception.ts';

export type TokenKind = 'word' | 'identifier' | 'string' | 'number' | 'symbol' | 'end';

export interface Token {
  readonly kind: TokenKind;
  /** As written, quotes included. Empty for `end`. */
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

const SPACE = /[ \t\n\r\f\v]*/y;
const LINE_COMMENT = /--[^\n]*/y;
const BLOCK_COMMENT = /\/\*(?:[^*/]|\*(?!\/)|\/(?!\*))*\*\//y;
const WORD = /[A-Za-z_][A-Za-z0-9_]*/y;
const NUMBER = /[0-9][0-9A-Za-z_]*(?:\.[0-9][0-9A-Za-z_]*)?/y;
const HEX_OR_BINARY = /[xXbB]'[0-9a-fA-F]*'/y;
const STRING = /'[^'\\]*(?:(?:\\[\s\S]|'')[^'\\]*)*'/y;
const BACKTICKS = /`[^`\\]*(?:(?:\\[\s\S]|``)[^`\\]*)*`/y;
const DOUBLE_QUOTES = /"[^"\\]*(?:(?:\\[\s\S]|"")[^"\\]*)*"/y;
const SYMBOL = /[!%&()*+,\-./:;<=>?@[\]^{|}~]/y;

/** The next token at or after `offset`; `end` when there is none. Throws SYNTAX_ERROR on what this lexer refuses. */
export function nextToken(sql: string, offset: number): Token {
  const start = skipBlank(sql, offset);
  if (start >= sql.length) return { kind: 'end', text: '', start: sql.length, end: sql.length };
  const string = match(HEX_OR_BINARY, sql, start) ?? match(STRING, sql, start);
  if (string !== undefined) return token('string', string, start);
  const identifier = match(BACKTICKS, sql, start) ?? match(DOUBLE_QUOTES, sql, start);
  if (identifier !== undefined) return token('identifier', identifier, start);
  const word = match(WORD, sql, start);
  if (word !== undefined) {
    if (/^[xb]$/i.test(word) && sql[start + 1] === "'") throw refusal(sql, start);
    return token('word', word, start);
  }
  const number = match(NUMBER, sql, start);
  if (number !== undefined) return token('number', number, start);
  const symbol = match(SYMBOL, sql, start);
  if (symbol === undefined || /^(?:\/[/*]|\*\/)/.test(sql.slice(start, start + 2))) throw refusal(sql, start);
  return token('symbol', symbol, start);
}

/** All tokens from `offset`, without the final `end`. */
export function tokens(sql: string, offset = 0): Token[] {
  const found: Token[] = [];
  for (let next = nextToken(sql, offset); next.kind !== 'end'; next = nextToken(sql, next.end)) found.push(next);
  return found;
}

/** The tokens before the `;` at the end, if there is one; anything behind it is a second statement: SYNTAX_ERROR. */
export function withoutEnd(parts: readonly Token[]): readonly Token[] {
  const semicolon = parts.findIndex((part) => isSymbol(part, ';'));
  if (semicolon < 0) return parts;
  if (parts.slice(semicolon).some((part) => !isSymbol(part, ';'))) {
    throw exception('SYNTAX_ERROR', 'Syntax error: Multi-statements are not allowed');
  }
  return parts.slice(0, semicolon);
}

/** Whether `token` is this keyword (given in capitals). A quoted identifier never is. */
export function isWord(token: Token | undefined, keyword: string): boolean {
  return token?.kind === 'word' && token.text.toUpperCase() === keyword;
}

export function isSymbol(token: Token | undefined, symbol: string): boolean {
  return token?.kind === 'symbol' && token.text === symbol;
}

/** The name that a bare or quoted identifier stands for; undefined for any other token. */
export function identifierName(token: Token | undefined): string | undefined {
  if (token?.kind === 'word') return token.text;
  if (token?.kind !== 'identifier') return undefined;
  const quote = token.text.charAt(0);
  return token.text
    .slice(1, -1)
    .replaceAll(quote + quote, quote)
    .replace(/\\([\s\S])/g, '$1');
}

/** The statement's text again, with every comment and run of white space as one space. */
export function joinTokens(parts: readonly Token[]): string {
  let text = '';
  let previous_end = parts[0]?.start ?? 0;
  for (const part of parts) {
    if (part.start > previous_end) text += ' ';
    text += part.text;
    previous_end = part.end;
  }
  return text;
}

function skipBlank(sql: string, offset: number): number {
  for (let at = offset; ; ) {
    const blank = match(SPACE, sql, at) || match(LINE_COMMENT, sql, at) || match(BLOCK_COMMENT, sql, at);
    if (blank === undefined || blank.length === 0) return at;
    at += blank.length;
  }
}

function match(pattern: RegExp, sql: string, offset: number): string | undefined {
  pattern.lastIndex = offset;
  return pattern.exec(sql)?.[0];
}

function token(kind: TokenKind, text: string, start: number): Token {
  if (text.includes('\0')) throw exception('SYNTAX_ERROR', `Syntax error: a NUL byte at position ${start}. Write it as \\0`);
  return { kind, text, start, end: start + text.length };
}

function refusal(sql: string, start: number): Error {
  const excerpt = Buffer.from(sql.slice(start, start + 40), 'latin1').toString();
  return exception(
    'SYNTAX_ERROR',
    `Syntax error: failed at position ${start + 1}: ${excerpt}. Unclosed quotes and comments, nested, # and // comments, $, ` +
      'and characters outside ASCII that are not quoted are not taken here',
  );
}

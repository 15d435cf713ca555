/**
 * SQL as bytes and as text. The lexer works on latin1 (one character per byte, so that offsets are exact); the engine takes
 * text. Everything joined to a latin1 statement must be latin1 of its UTF-8 bytes too.
 */
import { exception } from './exception.ts';

/** The UTF-8 bytes of `text`, one character each. */
export function toLatin1(text: string): string {
  return Buffer.from(text).toString('latin1');
}

/** The statement as the engine wants it. Text that is not UTF-8 would be stored as something else: SYNTAX_ERROR. */
export function toText(latin1: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(latin1, 'latin1'));
  } catch {
    throw exception('SYNTAX_ERROR', 'Syntax error: the query is not valid UTF-8');
  }
}

/**
 * Statements: what kind one is, whether it may run, and the text that goes to the engine for it.
 *
 * The engine runs every statement that it is handed, one after the other, so exactly one leaves here. The data of an INSERT
 * never does: it stays in the request's bytes from `data_offset` on (see `insert.ts`).
 */
import { exception } from './exception.ts';
import { type InsertStatement, parseInsert } from './insert.ts';
import { identifierName, isSymbol, isWord, joinTokens, nextToken, type Token, tokens, withoutEnd } from './lexer.ts';
import { refuseWaysOut } from './refusals.ts';
import { type Settings, settingsList } from './settings.ts';
import { toLatin1, toText } from './sql_text.ts';

/**
 * - `read`: runs in a read-only session; the engine holds it to that, whatever the statement turns out to do
 * - `kill`: must not wait behind what it is to end
 * - `change`: DDL and the like; `plain` when it takes neither FORMAT nor SETTINGS
 * - `no_effect`: SET and USE, which over HTTP end with their request
 */
export type Statement =
  | { readonly kind: 'read' | 'kill' | 'change'; readonly tokens: readonly Token[]; readonly plain: boolean }
  | { readonly kind: 'no_effect' }
  | ({ readonly kind: 'insert' } & InsertStatement);

const READ_WORDS: ReadonlySet<string> = new Set(['SELECT', 'WITH', 'FROM', 'SHOW', 'DESC', 'DESCRIBE', 'EXISTS', 'EXPLAIN']);
/** In these a SETTINGS clause may belong to a SELECT or a table inside; only behind FORMAT is it the statement's own. */
const NESTING_WORDS: ReadonlySet<string> = new Set(['SELECT', 'WITH', 'FROM', 'EXPLAIN', 'CREATE', '(']);
const CHANGE_WORDS: ReadonlySet<string> = new Set(
  'CREATE ALTER DROP RENAME EXCHANGE OPTIMIZE TRUNCATE CHECK DETACH ATTACH UNDROP DELETE UPDATE'.split(' '),
);

/**
 * Reads the one statement in `sql` (latin1, one character per byte).
 *
 * @param sql for an INSERT with data the data may follow and be cut anywhere; everything else must be whole
 */
export function parseStatement(sql: string): Statement {
  const first = nextToken(sql, 0);
  if (first.kind === 'end') throw exception('SYNTAX_ERROR', 'Syntax error: Empty query');
  if (isWord(first, 'INSERT')) return { kind: 'insert', ...parseInsert(sql, first) };
  const parts = withoutEnd(tokens(sql));
  refuseWaysOut(parts);
  const keyword = first.text.toUpperCase();
  if (keyword === 'SET' || keyword === 'USE') return { kind: 'no_effect' };
  if (keyword === 'KILL') return { kind: 'kill', tokens: parts.map(killByComment), plain: false };
  if (READ_WORDS.has(keyword) || isSymbol(first, '(')) return { kind: 'read', tokens: parts, plain: false };
  if (keyword === 'CREATE' && parts.some((part) => isWord(part, 'TEMPORARY'))) {
    throw exception('NOT_IMPLEMENTED', 'Temporary tables need a session of their own, which the embedded engine does not keep');
  }
  return { kind: 'change', tokens: parts, plain: !CHANGE_WORDS.has(keyword) || parts.slice(1, 4).some((part) => isWord(part, 'FUNCTION')) };
}

/** The text for the engine, with the answer's format and the settings in it. What the statement sets itself wins. */
export function assemble(
  statement: Extract<Statement, { kind: 'read' | 'kill' | 'change' }>,
  format: string,
  settings: Settings,
): { sql: string; format: string } {
  const text = joinTokens(statement.tokens);
  if (statement.plain) return { sql: toText(text), format };
  const clause = findFormat(statement.tokens);
  const own = ownSettings(statement.tokens);
  const list = toLatin1(settingsList(without(settings, own)));
  const nests = NESTING_WORDS.has(statement.tokens[0]?.text.toUpperCase() ?? '');
  const written = clause === undefined && nests ? `${text} FORMAT ${format}` : text;
  const has_own = clause?.settings_follow ?? (!nests && own.size > 0);
  const joint = has_own ? ', ' : ' SETTINGS ';
  return { sql: toText(list === '' ? written : written + joint + list), format: clause?.format ?? format };
}

/** The names of the placeholders `{name:Type}` in a statement. */
export function placeholders(parts: readonly Token[]): string[] {
  return parts.flatMap((part, position) => {
    const name = parts[position + 1];
    return isSymbol(part, '{') && name?.kind === 'word' && isSymbol(parts[position + 2], ':') ? [name.text] : [];
  });
}

/** The engine knows no caller's query id; a statement carries it as its `log_comment`. */
function killByComment(part: Token): Token {
  return identifierName(part) === 'query_id' ? { ...part, text: "Settings['log_comment']" } : part;
}

function findFormat(parts: readonly Token[]): { format: string; settings_follow: boolean } | undefined {
  for (const position of topLevel(parts)) {
    const name = parts[position + 1];
    const after = parts[position + 2];
    if (!isWord(parts[position], 'FORMAT') || name?.kind !== 'word') continue;
    if (after === undefined || isWord(after, 'SETTINGS')) return { format: name.text, settings_follow: after !== undefined };
  }
  return undefined;
}

function ownSettings(parts: readonly Token[]): Set<string> {
  const names = new Set<string>();
  let inside = false;
  for (const position of topLevel(parts)) {
    if (isWord(parts[position], 'SETTINGS')) inside = true;
    const name = identifierName(parts[position]);
    if (inside && name !== undefined && isSymbol(parts[position + 1], '=')) names.add(name);
  }
  return names;
}

function without(settings: Settings, names: ReadonlySet<string>): Settings {
  return new Map(Array.from(settings).filter(([name]) => !names.has(name)));
}

/** Positions of the tokens outside all brackets. */
function topLevel(parts: readonly Token[]): number[] {
  let depth = 0;
  const positions: number[] = [];
  for (const [position, part] of parts.entries()) {
    if (part.kind === 'symbol' && '([{'.includes(part.text)) depth++;
    else if (part.kind === 'symbol' && ')]}'.includes(part.text)) depth--;
    else if (depth === 0) positions.push(position);
  }
  return positions;
}

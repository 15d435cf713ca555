/**
 * INSERT statements, read only as far as their data begin.
 *
 * `INSERT INTO [TABLE] t [(columns)] [SETTINGS …] then FORMAT x data, VALUES data, or SELECT …`. The engine takes data that
 * follow in the statement only up to the first blank line and runs the rest as SQL. So it is handed
 * `INSERT INTO t (columns) FROM INFILE 'file' … FORMAT x` instead, and no byte of the data is ever SQL.
 */
import { exception } from './exception.ts';
import { isSymbol, isWord, joinTokens, nextToken, type Token, tokens, withoutEnd } from './lexer.ts';
import { refuseWaysOut } from './refusals.ts';
import { type Settings, settingsList, stringLiteral } from './settings.ts';
import { toLatin1, toText } from './sql_text.ts';

export interface InsertStatement {
  /** `INSERT INTO t (columns)`. */
  readonly target: readonly Token[];
  /** What stands between SETTINGS and the source, without the keyword; may be empty. */
  readonly own_settings: readonly Token[];
  readonly source:
    | { readonly kind: 'data'; readonly format: string /** Where the data begin in the request's bytes. */; readonly data_offset: number }
    | { readonly kind: 'query'; readonly tokens: readonly Token[] };
}

/** Reads the statement whose first token is `insert`; throws SYNTAX_ERROR, or NOT_IMPLEMENTED for INSERT INTO FUNCTION. */
export function parseInsert(sql: string, insert: Token): InsertStatement {
  const target = readTarget(sql, insert);
  const own_settings: Token[] = [];
  let next = nextToken(sql, endOf(target));
  if (isWord(next, 'SETTINGS')) {
    for (next = nextToken(sql, next.end); !startsSource(next); next = nextToken(sql, next.end)) own_settings.push(next);
  }
  refuseWaysOut([...target, ...own_settings]);
  if (isWord(next, 'VALUES')) return data(target, own_settings, 'Values', next.end);
  if (isWord(next, 'FORMAT')) {
    const name = nextToken(sql, next.end);
    if (name.kind !== 'word') throw syntaxError('FORMAT without a name');
    if (/^values$/i.test(name.text)) return data(target, own_settings, 'Values', name.end);
    return data(target, own_settings, name.text, dataOffset(sql, name.end));
  }
  if (isWord(next, 'SELECT') || isWord(next, 'WITH') || isSymbol(next, '(')) {
    return { target, own_settings, source: { kind: 'query', tokens: wholeQuery(sql, next) } };
  }
  if (isWord(next, 'FROM'))
    throw exception('ACCESS_DENIED', 'Not enough privileges: FROM INFILE is switched off for queries over the network');
  throw syntaxError(`expected VALUES, FORMAT or SELECT at position ${next.start + 1}`);
}

/** The statement that reads the data from `file`, a name in the engine's working directory without a wildcard. */
export function assembleFromFile(statement: InsertStatement, format: string, file: string, settings: Settings): string {
  const head = `${joinTokens(statement.target)} FROM INFILE ${stringLiteral(file)} COMPRESSION 'none'`;
  return toText(`${head}${settingsClause(statement, settings)} FORMAT ${format}`);
}

export function assembleFromQuery(statement: InsertStatement, query: readonly Token[], settings: Settings): string {
  return toText(`${joinTokens(statement.target)}${settingsClause(statement, settings)} ${joinTokens(query)}`);
}

function settingsClause(statement: InsertStatement, settings: Settings): string {
  const own_names = new Set(
    statement.own_settings.filter((_, at) => isSymbol(statement.own_settings[at + 1], '=')).map((name) => name.text),
  );
  const list = settingsList(new Map(Array.from(settings).filter(([name]) => !own_names.has(name))));
  const parts = [joinTokens(statement.own_settings), toLatin1(list)].filter((part) => part !== '');
  return parts.length === 0 ? '' : ` SETTINGS ${parts.join(', ')}`;
}

/** `INSERT INTO [TABLE] [database.]table [(columns)]`. */
function readTarget(sql: string, insert: Token): Token[] {
  const target = [insert];
  const take = (): Token => {
    const taken = nextToken(sql, endOf(target));
    if (taken.kind === 'end') throw syntaxError('the statement ends after INSERT');
    target.push(taken);
    return taken;
  };
  let next = take();
  if (isWord(next, 'INTO')) next = take();
  if (isWord(next, 'TABLE') && isName(nextToken(sql, next.end))) next = take();
  if (isWord(next, 'FUNCTION') && isName(nextToken(sql, next.end))) {
    throw exception('NOT_IMPLEMENTED', 'INSERT INTO FUNCTION is switched off for queries over the network');
  }
  takeName(next, take);
  while (isSymbol(nextToken(sql, endOf(target)), '.')) {
    take();
    takeName(take(), take);
  }
  if (!isSymbol(nextToken(sql, endOf(target)), '(') || isSubquery(sql, endOf(target))) return target;
  for (let depth = 0; ; ) {
    const taken = take();
    if (isSymbol(taken, ';')) throw syntaxError('a semicolon among the columns');
    if (isSymbol(taken, '(')) depth++;
    if (isSymbol(taken, ')') && --depth === 0) return target;
  }
}

/** A table's name: an identifier, or a placeholder `{name:Identifier}`. */
function takeName(first: Token, take: () => Token): void {
  if (isName(first)) return;
  if (!isSymbol(first, '{')) throw syntaxError(`expected a table's name at position ${first.start + 1}`);
  for (let next = take(); !isSymbol(next, '}'); next = take()) {
    if (next.kind !== 'word' && !isSymbol(next, ':')) throw syntaxError('a malformed placeholder');
  }
}

function isName(token: Token): boolean {
  return token.kind === 'word' || token.kind === 'identifier';
}

/** `INSERT INTO t (SELECT …)` has no list of columns. */
function isSubquery(sql: string, offset: number): boolean {
  const inside = nextToken(sql, nextToken(sql, offset).end);
  return isWord(inside, 'SELECT') || isWord(inside, 'WITH') || isSymbol(inside, '(');
}

function startsSource(token: Token): boolean {
  if (token.kind === 'end' || isSymbol(token, ';')) throw syntaxError('the statement ends after SETTINGS');
  return ['VALUES', 'FORMAT', 'SELECT', 'WITH'].some((keyword) => isWord(token, keyword));
}

/** Behind the format's name: blanks, then one line break, belong to the statement; the next byte is the first of the data. */
function dataOffset(sql: string, offset: number): number {
  const rest = /[ \t\f]*(;|SETTINGS\s)?\r?\n?/iy;
  rest.lastIndex = offset;
  const blank = rest.exec(sql);
  if (blank?.[1] !== undefined) throw syntaxError('SETTINGS stand before FORMAT in an INSERT, and no semicolon before the data');
  return offset + (blank?.[0].length ?? 0);
}

function wholeQuery(sql: string, first: Token): readonly Token[] {
  const parts = withoutEnd(tokens(sql, first.start));
  refuseWaysOut(parts);
  return parts;
}

function data(target: readonly Token[], own_settings: readonly Token[], format: string, data_offset: number): InsertStatement {
  return { target, own_settings, source: { kind: 'data', format, data_offset } };
}

function endOf(parts: readonly Token[]): number {
  return parts.at(-1)?.end ?? 0;
}

function syntaxError(problem: string): Error {
  return exception('SYNTAX_ERROR', `Syntax error: ${problem}`);
}

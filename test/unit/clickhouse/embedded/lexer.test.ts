import assert from 'node:assert/strict';
import { test } from 'node:test';
import { identifierName, joinTokens, tokens } from '../../../../src/clickhouse/embedded/lexer.ts';

const texts = (sql: string): string[] => tokens(sql).map((token) => token.text);

test('quotes hold semicolons, comments and each other, with both ways of escaping', () => {
  assert.deepEqual(texts(`SELECT 'a;''b\\'--', \`x;\`, "y""z" -- 'rest`), ['SELECT', `'a;''b\\'--'`, ',', '`x;`', ',', '"y""z"']);
});

test('comments never reach the engine: each is one space', () => {
  assert.equal(joinTokens(tokens('SELECT/* ; \n\n DROP */1 -- ;\n, 2')), 'SELECT 1 , 2');
});

test('a name is the same bare and quoted', () => {
  assert.deepEqual(tokens('file `file` "fi\\le"').map(identifierName), ['file', 'file', 'file']);
});

for (const sql of [
  "SELECT 'open",
  'SELECT `open',
  'SELECT /* open',
  'SELECT /* /* */ 1 */',
  'SELECT 1 # x',
  'SELECT 1 // x',
  'SELECT $a$;$a$',
  "SELECT x'\\'",
  'SELECT \0 1',
  "SELECT 'a\0b'",
  'SELECT \u00e2\u0080\u0098;\u00e2\u0080\u0099',
  'INTO\u00c2\u00a0OUTFILE',
]) {
  test(`what two lexers could read differently is refused: ${JSON.stringify(sql)}`, () => {
    assert.throws(() => tokens(sql), /SYNTAX_ERROR/);
  });
}

test('a string of a megabyte is one token', () => {
  assert.equal(tokens(`'${"a''".repeat(300_000)}'`).length, 1);
});

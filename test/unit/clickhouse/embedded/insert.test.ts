import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assembleFromFile, assembleFromQuery } from '../../../../src/clickhouse/embedded/insert.ts';
import { parseStatement } from '../../../../src/clickhouse/embedded/statement.ts';

const ATTACK = '\n\nDROP TABLE t;\n';

function parsed(sql: string) {
  const statement = parseStatement(sql);
  assert(statement.kind === 'insert');
  return statement;
}

function dataOf(sql: string): string {
  const { source } = parsed(sql);
  assert(source.kind === 'data');
  return sql.slice(source.data_offset);
}

test('data begin behind the format and one line break, whatever they hold', () => {
  assert.equal(dataOf(`INSERT INTO t FORMAT CSV\n1${ATTACK}`), `1${ATTACK}`);
  assert.equal(dataOf(`insert into t (a, b) format TSV \t\r\n${ATTACK}`), ATTACK);
  assert.equal(dataOf('INSERT INTO t FORMAT Native\n\n\n'), '\n\n');
  assert.equal(dataOf('INSERT INTO t FORMAT JSONEachRow {"a":1}'), '{"a":1}');
});

test('VALUES are data too', () => {
  assert.equal(dataOf(`INSERT INTO t VALUES (1)${ATTACK}`), ` (1)${ATTACK}`);
});

test('no byte of the data is in the statement that runs', () => {
  const statement = parsed(`INSERT INTO t (a) SETTINGS x = 1 FORMAT CSV\n1${ATTACK}`);
  const sql = assembleFromFile(
    statement,
    'CSV',
    'f.data',
    new Map([
      ['log_comment', 'ü'],
      ['x', '2'],
    ]),
  );
  assert.equal(sql, "INSERT INTO t (a) FROM INFILE 'f.data' COMPRESSION 'none' SETTINGS x = 1, log_comment = 'ü' FORMAT CSV");
});

test('INSERT … SELECT carries its settings in front of the query', () => {
  const statement = parsed('INSERT INTO d.`t;` SELECT 1 FROM u;');
  assert(statement.source.kind === 'query');
  assert.equal(
    assembleFromQuery(statement, statement.source.tokens, new Map([['a', '1']])),
    "INSERT INTO d.`t;` SETTINGS a = '1' SELECT 1 FROM u",
  );
  assert.throws(() => parsed('INSERT INTO t SELECT 1; DROP TABLE t'), /Multi-statements/);
});

test('tables may be called like keywords', () => {
  assert.equal(dataOf('INSERT INTO TABLE values VALUES (1)'), ' (1)');
  assert.equal(dataOf('INSERT INTO format.table FORMAT CSV\n1'), '1');
  assert.equal(dataOf('INSERT INTO {t:Identifier} FORMAT CSV\n1'), '1');
});

for (const sql of [
  'INSERT',
  'INSERT INTO t',
  'INSERT INTO t FORMAT',
  'INSERT INTO t (a; b) VALUES',
  'INSERT INTO t FORMAT CSV;\n1',
  'INSERT INTO t FORMAT CSV SETTINGS a=1\n1',
  'INSERT INTO t SETTINGS a=1; DROP TABLE t',
]) {
  test(`what is no INSERT that can be told apart from its data is refused: ${JSON.stringify(sql)}`, () => {
    assert.throws(() => parseStatement(sql), /SYNTAX_ERROR/);
  });
}

test('INSERT INTO FUNCTION is refused', () => {
  assert.throws(() => parseStatement("INSERT INTO FUNCTION null('a Int') VALUES (1)"), /NOT_IMPLEMENTED/);
});

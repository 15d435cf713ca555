import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assemble, parseStatement, placeholders } from '../../../../src/clickhouse/embedded/statement.ts';

const LOG_COMMENT = new Map([['log_comment', 'id']]);

function assembled(sql: string, settings: ReadonlyMap<string, string> = LOG_COMMENT): string {
  const statement = parseStatement(sql);
  assert(statement.kind === 'read' || statement.kind === 'change' || statement.kind === 'kill');
  return assemble(statement, 'TSV', settings).sql;
}

test('settings and the format stand behind the statement', () => {
  assert.equal(assembled('SELECT 1;'), "SELECT 1 FORMAT TSV SETTINGS log_comment = 'id'");
  assert.equal(
    assembled('CREATE TABLE t (a Int) ENGINE = Null'),
    "CREATE TABLE t (a Int) ENGINE = Null FORMAT TSV SETTINGS log_comment = 'id'",
  );
  assert.equal(assembled('DELETE FROM t WHERE 1'), "DELETE FROM t WHERE 1 SETTINGS log_comment = 'id'");
  assert.equal(assembled('SYSTEM FLUSH LOGS'), 'SYSTEM FLUSH LOGS');
});

test('a format in the statement wins, and settings behind it are continued', () => {
  assert.equal(assembled('SELECT 1 FORMAT JSON'), "SELECT 1 FORMAT JSON SETTINGS log_comment = 'id'");
  assert.equal(assembled('SELECT 1 FORMAT JSON SETTINGS a = 1'), "SELECT 1 FORMAT JSON SETTINGS a = 1, log_comment = 'id'");
  assert.equal(assembled("SELECT 'FORMAT JSON'"), "SELECT 'FORMAT JSON' FORMAT TSV SETTINGS log_comment = 'id'");
});

test('a setting in the statement wins over one in the URL', () => {
  assert.equal(
    assembled('SELECT 1 SETTINGS max_threads = 1', new Map([['max_threads', '2']])),
    'SELECT 1 SETTINGS max_threads = 1 FORMAT TSV',
  );
});

test('a value of a setting cannot leave its quotes, and a name must be one', () => {
  assert.equal(assembled('SELECT 1', new Map([['a', "x' , b = 1 \\"]])), "SELECT 1 FORMAT TSV SETTINGS a = 'x\\' , b = 1 \\\\'");
  assert.throws(() => assembled('SELECT 1', new Map([['a = 1 --', '']])), /BAD_ARGUMENTS/);
});

test('one statement, not two', () => {
  assert.throws(() => parseStatement('SELECT 1; DROP TABLE t'), /Multi-statements/);
  assert.throws(() => parseStatement(' -- nothing\n'), /Empty query/);
  assert.equal(parseStatement("SELECT ';' ;; ").kind, 'read');
});

test('a statement is sorted by what it starts with', () => {
  assert.equal(parseStatement('(SELECT 1) UNION ALL (SELECT 2)').kind, 'read');
  assert.equal(parseStatement('/* x */ with 1 as a select a').kind, 'read');
  assert.equal(parseStatement('DROP TABLE t').kind, 'change');
  assert.equal(parseStatement('SET a = 1').kind, 'no_effect');
});

test('KILL QUERY finds a statement by the id that its client gave it', () => {
  assert.match(assembled("KILL QUERY WHERE query_id = 'x'"), /^KILL QUERY WHERE Settings\['log_comment'\] = 'x' SETTINGS/);
});

test('placeholders are found outside strings', () => {
  const statement = parseStatement("SELECT {a:UInt8}, '{b:UInt8}', { c : String }");
  assert(statement.kind === 'read');
  assert.deepEqual(placeholders(statement.tokens), ['a', 'c']);
});

for (const sql of [
  "SELECT * FROM file('/etc/passwd')",
  "SELECT * FROM `FILE` ('/etc/passwd')",
  "SELECT * FROM (SELECT * FROM url/**/('http://x'))",
  "SELECT 1 INTO OUTFILE '/tmp/x'",
  "SELECT 1 INTO -- x\n OUTFILE '/tmp/x'",
  "CREATE TABLE t (a Int) ENGINE = S3('x')",
  "CREATE DICTIONARY d (a Int) PRIMARY KEY a SOURCE(EXECUTABLE(command 'id'))",
  'CREATE TABLE t (a Int) ENGINE = MergeTree ORDER BY a SETTINGS disk = disk(type = local)',
  "INSERT INTO t SELECT * FROM remote('x', system.one)",
  "INSERT INTO t FROM INFILE '/etc/passwd' FORMAT TSV",
]) {
  test(`a way out of the database is refused: ${sql.replaceAll('\n', ' ')}`, () => {
    assert.throws(() => parseStatement(sql), /ACCESS_DENIED/);
  });
}

test('the word file is free where it calls nothing', () => {
  assert.equal(parseStatement("SELECT file, 'file()' FROM t -- file()").kind, 'read');
});

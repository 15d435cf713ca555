import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseRequest, type QueryRequest } from '../../../../src/clickhouse/embedded/request.ts';

const request = (search: string, headers: Record<string, string> = {}, method = 'POST'): QueryRequest =>
  parseRequest(method, new URL(`http://localhost/${search}`), headers, () => 'generated');

test('what the interface does not keep for itself is a setting or a parameter', () => {
  const { settings, parameters, database } = request('?query=SELECT+1&database=d&max_threads=2&param_x=a%09b&session_id=s');
  assert.deepEqual(
    [...settings],
    [
      ['max_threads', '2'],
      ['log_comment', 'generated'],
    ],
  );
  assert.deepEqual([...parameters], [['x', 'a\tb']]);
  assert.equal(database, 'd');
});

test('the query id is the log comment, unless only a log comment was given', () => {
  assert.equal(request('?query_id=q&log_comment=c').settings.get('log_comment'), 'q');
  assert.equal(request('?log_comment=c').settings.get('log_comment'), 'c');
});

test('credentials come by header, Basic or URL', () => {
  const basic = `Basic ${Buffer.from('default:a:b').toString('base64')}`;
  assert.equal(request('', { authorization: basic }).password, 'a:b');
  assert.equal(request('', { 'x-clickhouse-user': 'u', 'x-clickhouse-key': 'k' }).password, 'k');
  assert.deepEqual([request('?user=u&password=p').user, request('').user], ['u', 'default']);
});

test('GET and readonly read only', () => {
  assert.deepEqual([request('', {}, 'GET').read_only, request('?readonly=2').read_only, request('').read_only], [true, true, false]);
});

test('an answer is compressed only where it was asked for', () => {
  assert.equal(request('?enable_http_compression=1', { 'accept-encoding': 'deflate, gzip' }).gzip_answer, true);
  assert.equal(request('?enable_http_compression=1', { 'accept-encoding': 'gzip;q=0' }).gzip_answer, false);
  assert.equal(request('', { 'accept-encoding': 'gzip' }).gzip_answer, false);
});

test('a default format must be a bare name, and LZ4 framing is refused', () => {
  assert.equal(request('?default_format=JSON').format, 'JSON');
  assert.throws(() => request('?default_format=TSV+SETTINGS+a=1'), /BAD_ARGUMENTS/);
  assert.throws(() => request('?compress=1'), /NOT_IMPLEMENTED/);
});

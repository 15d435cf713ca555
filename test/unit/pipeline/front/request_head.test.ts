import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Credential } from '../../../../src/contract/source.ts';
import type { HeaderSource } from '../../../../src/pipeline/front/request_head.ts';
import { RequestHead } from '../../../../src/pipeline/front/request_head.ts';

function head(...headers: readonly [string, string][]): RequestHead {
  const source: HeaderSource = {
    forEach: (callback) => {
      for (const [name, value] of headers) callback(name, value);
    },
  };
  return new RequestHead(source);
}

test('JSON is taken under every name that clients send it under, and nothing else is', () => {
  const taken = [
    'application/json',
    'Application/JSON; charset=utf-8',
    'text/plain',
    'application/x-www-form-urlencoded',
    'application/vnd.api+json',
    '',
  ];
  for (const content_type of taken) assert.equal(head(['content-type', content_type]).problem(100), undefined, content_type);
  assert.equal(head().problem(100), undefined);
  for (const content_type of ['text/html', 'application/xml', 'application/jsonp', 'json', 'multipart/form-data; boundary=x']) {
    assert.equal(head(['content-type', content_type]).problem(100), 'media_type_unsupported', content_type);
  }
});

test('a compressed body is refused, an identity one is not', () => {
  assert.equal(head(['content-encoding', 'gzip']).problem(100), 'encoding_unsupported');
  assert.equal(head(['content-encoding', 'Identity']).problem(100), undefined);
});

test('an announced length is held against the limit', () => {
  assert.equal(head(['content-length', '100']).problem(100), undefined);
  assert.equal(head(['content-length', '101']).problem(100), 'body_too_large');
});

test('lengths that conflict, repeat or cannot be read are noticed', () => {
  assert.equal(head(['content-length', '5']).lengths_conflict, false);
  assert.equal(head(['transfer-encoding', 'chunked']).lengths_conflict, false);
  const conflicts: [string, string][][] = [
    [
      ['content-length', '5'],
      ['content-length', '6'],
    ],
    [
      ['content-length', '5'],
      ['content-length', '5'],
    ],
    [
      ['content-length', '5'],
      ['transfer-encoding', 'chunked'],
    ],
    [
      ['transfer-encoding', 'chunked'],
      ['content-length', '5'],
    ],
    [['transfer-encoding', 'gzip, chunked']],
    [['transfer-encoding', 'xchunked']],
    [
      ['transfer-encoding', 'chunked'],
      ['transfer-encoding', 'chunked'],
    ],
    ...['-1', '+5', '5,5', '0x5', '5 5', '', '1e3', '9'.repeat(16)].map((length): [string, string][] => [['content-length', length]]),
  ];
  for (const headers of conflicts) assert.equal(head(...headers).lengths_conflict, true, JSON.stringify(headers));
});

test('a key is looked for where the route says, in its order', () => {
  const credential = (places: readonly Credential[], ...headers: [string, string][]): string =>
    head(...headers).credential(places, { getQuery: (name) => (name === 'key' ? 'third' : undefined) });
  const both: [string, string][] = [
    ['x-api-key', 'first'],
    ['authorization', 'Bearer second'],
  ];
  assert.equal(credential(['x-api-key'], ...both), 'first');
  assert.equal(credential(['bearer'], ...both), 'second');
  assert.equal(credential(['bearer', 'x-api-key'], ...both), 'second');
  assert.equal(credential(['bearer'], ['authorization', 'Basic abc']), '');
  assert.equal(credential(['bearer'], ['authorization', 'bearer  k ']), 'k');
  assert.equal(credential(['x-api-key', 'bearer']), '');
  assert.equal(credential(['x-api-key', 'bearer', 'query']), 'third');
  assert.equal(credential(['x-api-key', 'query'], ...both), 'first');
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CODINGS, formatNumber, formatOf, MEDIA, PLAIN_FORMAT } from '../../../../src/contract/format.ts';
import type { Credential } from '../../../../src/contract/source.ts';
import { CODINGS_TAKEN } from '../../../../src/pipeline/front/request_format.ts';
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

test('JSON is taken under every name that clients send it under', () => {
  const taken = [
    'application/json',
    'Application/JSON; charset=utf-8',
    'text/plain',
    'application/x-www-form-urlencoded',
    'application/vnd.api+json',
    '',
  ];
  for (const content_type of taken) assert.equal(head(['content-type', content_type]).problem(100, ['json']), undefined, content_type);
  assert.equal(head().problem(100, ['json']), undefined);
  for (const content_type of ['text/html', 'application/xml', 'application/jsonp', 'json', 'multipart/form-data; boundary=x']) {
    assert.equal(head(['content-type', content_type]).problem(100, MEDIA), 'media_type_unsupported', content_type);
  }
});

test('lines and MessagePack are taken where the route takes them', () => {
  for (const [content_type, media] of [
    ['application/x-ndjson', 'ndjson'],
    ['application/msgpack', 'msgpack'],
    ['application/x-msgpack', 'msgpack'],
    ['application/vnd.msgpack; v=1', 'msgpack'],
  ] as const) {
    const request = head(['content-type', content_type]);
    assert.equal(request.problem(100, MEDIA), undefined, content_type);
    assert.equal(request.problem(100, ['json']), 'media_type_unsupported', content_type);
    assert.deepEqual(formatOf(request.format()), { media, coding: 'identity' });
  }
});

test('one content coding is taken if it can be undone here; an unknown one, or several, are not', () => {
  for (const coding of ['gzip', 'deflate', 'br', 'GZip', ' br ', 'x-gzip', 'identity', '']) {
    assert.equal(head(['content-encoding', coding]).problem(100, MEDIA), undefined, coding);
  }
  for (const coding of ['gzip, br', 'gzip,gzip', 'compress', '*', 'zst']) {
    assert.equal(head(['content-encoding', coding]).problem(100, MEDIA), 'encoding_unsupported', coding);
  }
  assert.equal(head(['content-encoding', 'gzip'], ['content-encoding', 'br']).problem(100, MEDIA), 'encoding_unsupported');
  const has_zstd = CODINGS_TAKEN.includes('zstd');
  assert.equal(head(['content-encoding', 'zstd']).problem(100, MEDIA), has_zstd ? undefined : 'encoding_unsupported');
});

test('JSON as it is has the plain format, and every other format a number of its own', () => {
  assert.equal(head(['content-type', 'text/plain'], ['content-encoding', 'identity']).format(), PLAIN_FORMAT);
  const numbers = MEDIA.flatMap((media) => CODINGS.map((coding) => formatNumber({ media, coding })));
  assert.equal(new Set(numbers).size, MEDIA.length * CODINGS.length);
  for (const number of numbers) assert.equal(formatNumber(formatOf(number)), number);
});

test('an announced length is held against the limit', () => {
  assert.equal(head(['content-length', '100']).problem(100, MEDIA), undefined);
  assert.equal(head(['content-length', '101']).problem(100, MEDIA), 'body_too_large');
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

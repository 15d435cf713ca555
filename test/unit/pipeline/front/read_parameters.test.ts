import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OperatingError } from '../../../../src/contract/errors.ts';
import { parameterNames, readPathValues, readQuery } from '../../../../src/pipeline/front/read_parameters.ts';

const line = (query: string | undefined, ...parameters: string[]) => ({
  getQuery: () => query,
  getParameter: (position: number) => parameters[position],
});
const refusal = (problem: RegExp) => (error: unknown) =>
  error instanceof OperatingError && error.code === 'parameter_invalid' && error.status === 400 && problem.test(error.message);

test('the parameters of a pattern are found by name and decoded once', () => {
  const names = parameterNames('/products/:name/versions/:version');
  assert.deepEqual(names, ['name', 'version']);
  const values = readPathValues(names, line('', 'a%2Fb%2520c', '%C3%A9+%00'));
  assert.deepEqual(
    [...values],
    [
      ['name', 'a/b%20c'],
      ['version', 'é+\0'],
    ],
  );
  assert.deepEqual(parameterNames('/products'), []);
});

test('a malformed encoding is refused with the name of its parameter', () => {
  for (const bad of ['%', '%zz', '%C3', '%ff', '%ed%a0%80']) {
    assert.throws(() => readPathValues(['name'], line('', bad)), refusal(/"name".*percent-encoding/));
    assert.throws(() => readQuery(['from'], line(`from=${bad}`)), refusal(/"from".*percent-encoding/));
  }
  assert.throws(() => readPathValues(['name'], line('', '')), refusal(/"name".*empty/));
});

test('a query is decoded; empty values and empty pairs are as they are', () => {
  assert.deepEqual(
    [...readQuery(['a', 'b', 'c'], line('a=1%2B2+3&&b=&c'))],
    [
      ['a', '1+2 3'],
      ['b', ''],
      ['c', ''],
    ],
  );
  for (const none of [undefined, '', '&']) assert.equal(readQuery([], line(none)).size, 0);
  assert.equal(readQuery(['a'], line('a=b=c')).get('a'), 'b=c');
});

test('a name that the address does not take, or takes once, is refused by name', () => {
  assert.throws(() => readQuery(['from', 'to'], line('form=1')), refusal(/"form".*takes from, to/));
  assert.throws(() => readQuery([], line('x=1')), refusal(/takes no parameters/));
  assert.throws(() => readQuery(['from'], line('from=1&from=1')), refusal(/"from".*more than once/));
  assert.throws(() => readQuery(['from'], line('__proto__=1')), refusal(/"__proto__"/));
  assert.throws(
    () => readQuery([], line('x'.repeat(4000))),
    (error) => error instanceof Error && error.message.length < 200,
  );
});

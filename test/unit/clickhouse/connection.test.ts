import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { ServerAddress } from '../../../src/clickhouse/connection.ts';
import { OperatingError } from '../../../src/contract/errors.ts';

test('an address gives its parts, decoded', () => {
  const address = ServerAddress.parse('https://in%40gest:p%40ss%3A%2F@clickhouse.example:8443/behind/proxy');
  assert.equal(address.url, 'https://clickhouse.example:8443/behind/proxy');
  assert.equal(address.username, 'in@gest');
  assert.equal(address.password, 'p@ss:/');
});

test('an address without credentials is the default user without a password', () => {
  const address = ServerAddress.parse('http://localhost:8123');
  assert.deepEqual([address.username, address.password], ['default', '']);
});

test('whatever prints an address does not print its password', () => {
  const address = ServerAddress.parse('http://penstock:secret-word@localhost:8123');
  for (const printed of [String(address), JSON.stringify({ address }), inspect(address, { depth: 9, showHidden: true })]) {
    assert.doesNotMatch(printed, /secret-word/);
  }
  assert.equal(String(address), 'http://penstock@localhost:8123');
});

for (const text of [
  '',
  'clickhouse',
  'tcp://u:secret-word@h:9000',
  'http://u:secret-word@h:8123?database=x',
  'http://u:secret-word%@h:8123',
]) {
  test(`${JSON.stringify(text.replace('secret-word', '…'))} is refused without repeating it`, () => {
    assert.throws(
      () => ServerAddress.parse(text),
      (error) => error instanceof OperatingError && error.code === 'config_invalid' && !error.message.includes('secret-word'),
    );
  });
}

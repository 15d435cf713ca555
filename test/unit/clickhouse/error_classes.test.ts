import assert from 'node:assert/strict';
import { test } from 'node:test';
import { classifyServerError, ERROR_CLASSES } from '../../../src/clickhouse/error_classes.ts';
import { classifyStatus, classifyTransportError, transportCode } from '../../../src/clickhouse/transport_classes.ts';

test('every code has one line, with a name and a reason', () => {
  const codes = ERROR_CLASSES.map((line) => line.code);
  assert.equal(new Set(codes).size, codes.length);
  for (const line of ERROR_CLASSES) {
    assert.match(line.name, /^[A-Z0-9_]+$/, String(line.code));
    assert.ok(line.reason.length > 10, line.name);
    assert.deepEqual(classifyServerError(line.code, ''), line);
  }
});

test('what an operator must do pauses, what time heals is retried, what is too much is cut, what a value broke is searched for', () => {
  const expected: Record<string, readonly number[]> = {
    retry: [159, 160, 202, 209, 210, 236, 242, 252, 285, 286, 319, 999],
    pause: [16, 43, 46, 60, 81, 115, 164, 192, 193, 194, 497, 516],
    shrink: [158, 241, 307, 396],
    dead_letter: [6, 26, 27, 33, 38, 41, 53, 69, 70, 72, 117, 131, 153, 190, 395, 469],
  };
  for (const [action, codes] of Object.entries(expected)) {
    for (const code of codes) assert.equal(classifyServerError(code, '').action, action, String(code));
  }
});

test('only a refusal before the statement began is certain to have left nothing', () => {
  const certain = ERROR_CLASSES.filter((line) => !line.in_doubt).map((line) => line.code);
  assert.deepEqual(
    certain.sort((one, other) => one - other),
    [16, 60, 81, 115, 164, 180, 192, 193, 194, 195, 201, 202, 216, 218, 291, 344, 452, 472, 497, 516, 720, 745, 749, 762],
  );
});

test('a code without a line is retried, in doubt', () => {
  const { action, in_doubt } = classifyServerError(123_456, '');
  assert.deepEqual({ action, in_doubt }, { action: 'retry', in_doubt: true });
});

test('a block over two partitions shares its code with too many parts, but pauses', () => {
  const text = 'Too many partitions for single INSERT block (more than 1). The limit is controlled by …';
  assert.equal(classifyServerError(252, text).action, 'pause');
  assert.equal(classifyServerError(252, 'Too many parts (3000) …').action, 'retry');
});

test('statuses without a code of ClickHouse come from a proxy', () => {
  const pairs: [number, string, boolean][] = [
    [302, 'pause', false],
    [401, 'pause', false],
    [403, 'pause', false],
    [404, 'pause', false],
    [413, 'shrink', false],
    [429, 'retry', true],
    [500, 'retry', true],
    [502, 'retry', true],
    [503, 'retry', true],
    [504, 'retry', true],
  ];
  for (const [status, action, in_doubt] of pairs) {
    const found = classifyStatus(status);
    assert.deepEqual([status, found.action, found.in_doubt], [status, action, in_doubt]);
  }
});

test('a request is certain not to have arrived only where the connection was never made', () => {
  const named = (code: string, more: object = {}): Error => Object.assign(new Error(code), { code, ...more });
  const pairs: [Error, string, boolean][] = [
    [named('ECONNREFUSED'), 'retry', false],
    [named('ENOTFOUND'), 'retry', false],
    [named('EAI_AGAIN'), 'retry', false],
    [named('ETIMEDOUT', { syscall: 'connect' }), 'retry', false],
    [named('EHOSTUNREACH', { syscall: 'connect' }), 'retry', false],
    [named('ETIMEDOUT', { syscall: 'read' }), 'retry', true],
    [named('ECONNRESET'), 'retry', true],
    [named('EPIPE'), 'retry', true],
    [named('CERT_HAS_EXPIRED'), 'pause', true],
    [named('DEPTH_ZERO_SELF_SIGNED_CERT'), 'pause', true],
    [new Error('Timeout error.'), 'retry', true],
  ];
  for (const [error, action, in_doubt] of pairs) {
    const found = classifyTransportError(error);
    assert.deepEqual([error.message, found.action, found.in_doubt], [error.message, action, in_doubt]);
  }
  assert.equal(transportCode(new Error('Timeout error.')), 'TIMEOUT');
});

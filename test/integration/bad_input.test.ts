/** What must be refused, how, and that the daemon goes on as if nothing had been. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { DaemonHome, type RunningDaemon } from '../support/daemon.ts';
import { exchange } from '../support/raw_http.ts';
import { until } from '../support/until.ts';

const EVENT = { event_type: 'rollback', release_id: 'r', distinct_id: 'd' };
const REPORT = '/api/deploy/report';
const GOOD = JSON.stringify({ events: [EVENT] });

async function codeOf(answer: Response): Promise<string> {
  const body: { ok: boolean; error: string; message: string } = JSON.parse(await answer.text());
  assert.equal(body.ok, false);
  assert.match(body.message, /^[A-Z].*\.$/);
  assert.doesNotMatch(JSON.stringify(body), /\bat \S+ \(|node:|\/src\//);
  return `${answer.status} ${body.error}`;
}

async function assertAlive(daemon: RunningDaemon, key: string): Promise<void> {
  assert.equal((await daemon.post(REPORT, GOOD, { 'x-api-key': key })).status, 202);
}

test('bad requests get the answers of the catalogue', async (context) => {
  const home = await DaemonHome.create(context, { PENSTOCK_HTTP__BODY_BYTES_MAX: '200000', PENSTOCK_HTTP__EVENT_BYTES_MAX: '10000' });
  const key = await home.createKey('deploy');
  const read_key = await home.createKey('read');
  const daemon = await home.start();
  const post = async (body: string | Uint8Array, headers: Record<string, string> = {}): Promise<string> =>
    codeOf(await daemon.post(REPORT, body, { 'x-api-key': key, 'Content-Type': 'application/json', ...headers }));

  await context.test('what is no report', async () => {
    for (const body of [
      '',
      '{',
      'nonsense',
      '{"events":[1}',
      '\ufeff{"events":[]}',
      Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]),
    ]) {
      assert.equal(await post(body), '400 not_json');
    }
    for (const body of ['5', 'null', '"text"', '[]', '[{"events":[]}]']) assert.equal(await post(body), '400 not_an_object');
    for (const body of ['{}', '{"events":null}', '{"events":{}}', '{"Events":[]}']) assert.equal(await post(body), '400 no_events');
    assert.equal(await post('{"events":[],"events":[]}'), '400 repeated_events');
    assert.equal(await post('['.repeat(50_000)), '400 nesting_too_deep');
    assert.equal(await post(`{"events":[],"a":${'['.repeat(5000)}${']'.repeat(5000)}}`), '400 nesting_too_deep');
  });

  await context.test('keys that are missing, wrong, too long or for another use', async () => {
    for (const wrong of ['', 'sk_live_wrong', 'x'.repeat(3000), read_key])
      assert.equal(await post(GOOD, { 'x-api-key': wrong }), '401 unauthorized');
    assert.equal(await codeOf(await daemon.post(`${REPORT}?key=${key}`, GOOD, {})), '401 unauthorized');
    assert.equal(await codeOf(await daemon.post(REPORT, GOOD, { Authorization: `Bearer ${key}` })), '401 unauthorized');
  });

  await context.test('media types and encodings', async () => {
    assert.equal(await post(GOOD, { 'Content-Type': 'text/html' }), '415 media_type_unsupported');
    for (const coding of ['compress', 'gzip, gzip', 'gzip, br']) {
      assert.equal(await post(GOOD, { 'Content-Encoding': coding }), '415 encoding_unsupported', coding);
    }
    for (const coding of ['gzip', 'deflate', 'br']) {
      assert.equal(await post(GOOD, { 'Content-Encoding': coding }), '400 encoding_corrupt', coding);
    }
    const bomb = gzipSync(Buffer.alloc(10_000_000, 0x20));
    assert.equal(await post(bomb, { 'Content-Encoding': 'gzip' }), '413 inflated_too_large');
    assert.equal(await post(GOOD, { 'Content-Type': 'application/msgpack' }), '400 not_message_pack');
    assert.equal(await post(Buffer.alloc(5000, 0x91), { 'Content-Type': 'application/msgpack' }), '400 nesting_too_deep');
    for (const type of ['application/json; charset=utf-8', 'application/vnd.api+json', 'text/plain', 'application/x-www-form-urlencoded']) {
      assert.equal((await daemon.post(REPORT, GOOD, { 'x-api-key': key, 'Content-Type': type })).status, 202);
    }
  });

  await context.test('paths and methods', async () => {
    assert.equal(await codeOf(await fetch(daemon.url('/nothing'))), '404 not_found');
    assert.equal(await codeOf(await daemon.post('/api/deploy/report/', GOOD, { 'x-api-key': key })), '404 not_found');
    for (const method of ['GET', 'PUT', 'DELETE']) {
      const answer = await fetch(daemon.url(REPORT), { method });
      assert.equal(answer.headers.get('allow'), 'POST');
      assert.equal(await codeOf(answer), '405 method_not_allowed');
    }
  });

  await context.test('bodies that are too large, announced or not', async () => {
    assert.equal(await post('x'.repeat(200_001)), '413 body_too_large');
    const head = `POST ${REPORT} HTTP/1.1\r\nHost: h\r\nx-api-key: ${key}\r\nTransfer-Encoding: chunked\r\n\r\n`;
    const chunk = `10000\r\n${'x'.repeat(65_536)}\r\n`;
    const answer = await exchange(home.http_port, [head, chunk, chunk, chunk, chunk, '0\r\n\r\n']);
    assert.match(answer, /^HTTP\/1\.1 413 /);
    assert.match(answer, /body_too_large/);
  });

  await context.test('an event that is too large is rejected alone', async () => {
    const events = [{ ...EVENT, metadata: 'm'.repeat(10_000) }, EVENT];
    const answer = await daemon.post(REPORT, JSON.stringify({ events }), { 'x-api-key': key });
    assert.deepEqual(await answer.json(), { accepted: 1, rejected: 1 });
  });

  await context.test('length headers that contradict each other', async () => {
    const length = String(GOOD.length);
    const conflicts = [
      ['Content-Length: 5', `Content-Length: ${length}`],
      [`Content-Length: ${length}`, 'Transfer-Encoding: chunked'],
      ['Transfer-Encoding: chunked', `Content-Length: ${length}`],
      ['Transfer-Encoding: gzip, chunked'],
    ];
    for (const lines of conflicts) {
      const head = [`POST ${REPORT} HTTP/1.1`, 'Host: h', `x-api-key: ${key}`, ...lines, '', ''].join('\r\n');
      const answer = await exchange(home.http_port, [head, GOOD]);
      assert.match(answer, /^HTTP\/1\.1 400 /, lines.join());
    }
    const malformed = [`POST ${REPORT} HTTP/1.1`, 'Host: h', `x-api-key: ${key}`, 'Content-Length: +5', '', ''].join('\r\n');
    assert.doesNotMatch(await exchange(home.http_port, [malformed, GOOD]), /^HTTP\/1\.1 2/);
  });

  await context.test('clients that go away in the middle', async () => {
    const before = await daemon.count('deploy_events');
    for (let index = 0; index < 20; index++) {
      const socket = connect(home.http_port, '127.0.0.1');
      socket.on('error', () => undefined);
      socket.write(`POST ${REPORT} HTTP/1.1\r\nHost: h\r\nx-api-key: ${key}\r\nContent-Length: 1000\r\n\r\n${GOOD.slice(0, index)}`, () =>
        socket.destroy(),
      );
    }
    await until('nothing is in flight', 5_000, async () => {
      const metrics = await (await fetch(daemon.adminUrl('/metrics'))).text();
      return /^penstock_http_requests_in_flight 0$/m.test(metrics) && /^penstock_http_body_bytes_in_flight 0$/m.test(metrics);
    });
    assert.ok((await daemon.count('deploy_events')) >= before);
  });

  await context.test('a key that is created or revoked counts within two seconds', async () => {
    const passing_key = await home.createKey('deploy', { organization_id: 'org_passing' });
    const status = async (): Promise<number> => (await daemon.post(REPORT, GOOD, { 'x-api-key': passing_key })).status;
    await until('the key counts', 2_000, async () => (await status()) === 202);
    const { stdout } = await home.command(['keys', 'list', '--json']);
    const keys: { id: string; organization: string }[] = JSON.parse(stdout);
    const created = keys.find((each) => each.organization === 'org_passing');
    assert.ok(created);
    assert.equal((await home.command(['keys', 'revoke', created.id])).code, 0);
    await until('the key counts no longer', 2_000, async () => (await status()) === 401);
  });

  await context.test('text that looks like SQL is stored as text', async () => {
    const attack = "x\n\nDROP TABLE penstock.deploy_events;\n\n'); DROP TABLE deploy_events; -- \\";
    const event = {
      release_id: attack,
      distinct_id: attack,
      app_version: attack,
      metadata: JSON.stringify({ attack }),
      event_type: 'download_complete',
    };
    await daemon.post(REPORT, JSON.stringify({ events: [event] }), { 'x-api-key': key });
    const rows = "deploy_events WHERE event_type = 'download_complete'";
    await until('it is delivered', 5_000, async () => (await daemon.count(rows)) === 1);
    const [row] = await daemon.query(`SELECT release_id, distinct_id, app_version, metadata.attack AS metadata FROM ${rows}`);
    assert.deepEqual(row, { release_id: attack, distinct_id: attack, app_version: attack, metadata: attack });
  });

  await context.test('and the daemon is as it was', async () => {
    await assertAlive(daemon, key);
    assert.doesNotMatch(daemon.stdout, new RegExp(key));
    assert.equal(daemon.stderr, '');
  });
});

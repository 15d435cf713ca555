/** The stream through the real daemon, as its clients see it. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { pack } from 'msgpackr';
import { DaemonHome, type RunningDaemon } from '../support/daemon.ts';
import { exchange } from '../support/raw_http.ts';
import { StreamClient } from '../support/stream_client.ts';
import { until } from '../support/until.ts';

const STREAM = '/api/deploy/stream';
const MESSAGE_BYTES_MAX = 64 * 1024;
const WINDOW_MESSAGES = 8;
const CONNECTIONS_MAX = 12;
const UPGRADE = {
  Connection: 'Upgrade',
  Upgrade: 'websocket',
  'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAA==',
  'Sec-WebSocket-Version': '13',
};

function events(name: string, count: number): object[] {
  return Array.from({ length: count }, (_, index) => ({
    event_type: 'apply_success',
    release_id: `rel_${name}`,
    distinct_id: `device-${index}`,
  }));
}

class Stage {
  constructor(
    readonly home: DaemonHome,
    readonly daemon: RunningDaemon,
    readonly key: string,
  ) {}

  url(query = ''): string {
    return `${this.daemon.url(STREAM)}?key=${this.key}${query}`;
  }

  /** A connection that ends with the test. */
  async client(context: TestContext, query = ''): Promise<StreamClient> {
    const client = await StreamClient.open(this.url(query));
    context.after(() => client.cut());
    return client;
  }

  /** A connection of another key, which counts before long. */
  async clientOf(key: string, query = ''): Promise<StreamClient> {
    const opened: StreamClient[] = [];
    await until('the key counts', 10_000, async () => {
      const client = await StreamClient.open(`${this.daemon.url(STREAM)}?key=${key}${query}`).catch(() => undefined);
      if (client !== undefined) opened.push(client);
      return opened.length > 0;
    });
    const [client] = opened;
    assert.ok(client);
    return client;
  }

  async inClickHouse(name: string): Promise<{ ids: number; rows: number }> {
    const [row] = await this.daemon.query<{ ids: string; rows: string }>(
      `SELECT toString(uniqExact(event_id)) AS ids, toString(count()) AS rows FROM deploy_events WHERE release_id = 'rel_${name}'`,
    );
    return { ids: Number(row?.ids), rows: Number(row?.rows) };
  }

  async metrics(): Promise<string> {
    return (await fetch(this.daemon.adminUrl('/metrics'))).text();
  }
}

test('the stream', async (context) => {
  const home = await DaemonHome.create(context, {
    PENSTOCK_HTTP__STREAM_MESSAGE_BYTES_MAX: String(MESSAGE_BYTES_MAX),
    PENSTOCK_HTTP__STREAM_WINDOW_MESSAGES: String(WINDOW_MESSAGES),
    PENSTOCK_HTTP__STREAM_WINDOW_BYTES: String(2 * MESSAGE_BYTES_MAX),
    PENSTOCK_HTTP__STREAM_IDLE_MS_MAX: '8000',
    PENSTOCK_HTTP__STREAM_CONNECTIONS_MAX: String(CONNECTIONS_MAX),
  });
  const key = await home.createKey('deploy');
  const stage = new Stage(home, await home.start(), key);
  for (const [name, run] of Object.entries(CASES)) await context.test(name, (each) => run(stage, each));
});

const CASES: Readonly<Record<string, (stage: Stage, context: TestContext) => Promise<void>>> = {
  'JSON as text, JSON as bytes and MessagePack are acknowledged with their seq and counts, and are the same events': async (
    stage,
    context,
  ) => {
    const client = await stage.client(context);
    const report = { events: [...events('formats', 3), { event_type: 'unknown' }] };
    client.sendJson({ seq: 7, ...report });
    client.send(Buffer.from(JSON.stringify({ ...report, seq: 8 })));
    client.send(pack({ ...report, seq: 9 }));
    const answers = await client.take(3);
    assert.deepEqual(
      answers.sort((left, right) => Number(left.seq) - Number(right.seq)),
      [7, 8, 9].map((seq) => ({ seq, accepted: 3, rejected: 1 })),
    );
    await until('the events are in ClickHouse', 20_000, async () => (await stage.inClickHouse('formats')).rows === 9);
    assert.equal((await stage.inClickHouse('formats')).ids, 3);
  },

  'the key may come in the header, and a message without a seq has its number on the connection': async (stage, context) => {
    const client = await StreamClient.open(stage.daemon.url(STREAM), { 'x-api-key': stage.key });
    context.after(() => client.cut());
    for (const expected of [1, 2, 3]) {
      client.sendJson({ events: [] });
      assert.deepEqual(await client.take(1), [{ seq: expected, accepted: 0, rejected: 0 }]);
    }
  },

  'what is wrong with a message is answered, and the connection lives on': async (stage, context) => {
    const client = await stage.client(context);
    const WRONG: readonly (readonly [message: string | Uint8Array, error: string, seq: number | null])[] = [
      ['{"seq":1,', 'not_json', 1],
      ['', 'not_json', 2],
      ['[]', 'not_an_object', 3],
      ['{"seq":4}', 'no_events', 4],
      ['{"seq":5,"events":[],"events":[]}', 'repeated_events', 5],
      ['{"seq":"6","events":[]}', 'stream_seq_invalid', null],
      ['{"events":[],"seq":-7}', 'stream_seq_invalid', null],
      [Uint8Array.of(0xc1), 'not_message_pack', 8],
      [pack({ seq: 9.5, events: [] }), 'stream_seq_invalid', null],
      [`{"seq":10,"events":${'['.repeat(1000)}`, 'nesting_too_deep', 10],
    ];
    for (const [message, error, seq] of WRONG) {
      client.send(message);
      const [answer] = await client.take(1);
      assert.deepEqual([answer?.error, answer?.seq, answer?.retry_after_ms], [error, seq, undefined], String(message));
      assert.ok(answer?.message, 'an error says what to do');
    }
    client.sendJson({ seq: 11, events: [] });
    assert.deepEqual(await client.take(1), [{ seq: 11, accepted: 0, rejected: 0 }]);
  },

  'what cannot be upgraded is answered over plain HTTP': async ({ daemon, home, key }) => {
    const get = (headers: Readonly<Record<string, string>>, query = ''): Promise<string> =>
      StreamClient.open(`${daemon.url(STREAM)}${query}`, headers).then(
        () => 'it is open',
        (error: Error) => error.message,
      );
    assert.match(await get({}), /^401 \{"ok":false,"error":"unauthorized"/);
    assert.match(await get({ 'x-api-key': 'sk_live_wrong' }), /^401 /);
    assert.match(await get({}, `?key=${await home.createKey('read')}`), /^401 /);
    assert.match(await get({ 'x-api-key': key }, '?session=no%20spaces'), /^400 \{"ok":false,"error":"parameter_invalid"/);
    const plain = await fetch(daemon.url(STREAM), { headers: { 'x-api-key': key } });
    assert.deepEqual([plain.status, plain.headers.get('sec-websocket-version')], [426, '13']);
    assert.match(await plain.text(), /"error":"upgrade_required".*POST to \/api\/deploy\/report/);
    const posted = await fetch(daemon.url(STREAM), { method: 'POST', headers: { 'x-api-key': key }, body: '{"events":[]}' });
    assert.deepEqual([posted.status, posted.headers.get('allow')], [405, 'GET']);
    await posted.text();
    const lines = Object.entries({ ...UPGRADE, 'Sec-WebSocket-Version': '8', Host: 'x', 'x-api-key': key });
    const old = await exchange(home.http_port, [
      `GET ${STREAM} HTTP/1.1\r\n`,
      ...lines.map(([name, value]) => `${name}: ${value}\r\n`),
      '\r\n',
    ]);
    assert.match(old, /^HTTP\/1\.1 426 /);
  },

  'a client that asks is told the limits first': async (stage, context) => {
    const client = await stage.client(context, '&hello=1');
    assert.deepEqual(await client.take(1), [
      { hello: { window_messages: WINDOW_MESSAGES, window_bytes: 2 * MESSAGE_BYTES_MAX, message_bytes_max: MESSAGE_BYTES_MAX } },
    ]);
  },

  'a message too large ends the connection with 1009, and what was in hand is stored': async (stage, context) => {
    const client = await stage.client(context);
    client.sendJson({ seq: 1, events: events('before_large', 1) });
    client.send('x'.repeat(MESSAGE_BYTES_MAX + 1));
    assert.deepEqual(await client.end(), { code: 1009, reason: `a message may have ${MESSAGE_BYTES_MAX} bytes` });
    await until('the event is in ClickHouse', 20_000, async () => (await stage.inClickHouse('before_large')).ids === 1);
    const crude = await stage.client(context);
    crude.send('x'.repeat(4 * MESSAGE_BYTES_MAX));
    assert.equal((await crude.end()).code, 1006, 'a message much too large is cut off');
    const garbled = await stage.client(context);
    garbled.socket.send(Uint8Array.of(0x7b, 0xff), { binary: false });
    assert.equal((await garbled.end()).code, 1006, 'text that is not UTF-8 is cut off');
  },

  'messages beyond the window are refused for now, and who goes on regardless is cut off': async (stage, context) => {
    const client = await stage.client(context);
    const padding = 'p'.repeat(MESSAGE_BYTES_MAX / 2);
    for (let seq = 1; seq <= 6; seq++) client.send(`{"seq":${seq},"padding":"${padding}","events":[]}`);
    const answers = await client.take(6);
    const refused = answers.filter(({ error }) => error !== undefined);
    for (const { error, retry_after_ms } of refused) {
      assert.equal(error, 'stream_window_exceeded');
      assert.ok(Number(retry_after_ms) >= 1000);
    }
    assert.equal(answers.filter(({ accepted }) => accepted === 0).length, 6 - refused.length);
    const flood = await stage.client(context);
    for (let seq = 1; seq <= 10_000; seq++) flood.send(`{"seq":${seq},"events":[]}`);
    // Who still writes when the connection ends may see it reset, and never the code.
    assert.ok([1006, 1008].includes((await flood.end()).code));
    assert.match(await stage.metrics(), /^penstock_stream_connections_ended_total\{code="1008"\} 1$/m);
  },

  'what is sent again after a reconnect is answered as the first time and stored once': async (stage, context) => {
    const first = await stage.client(context, '&session=phone-1');
    const message = { seq: 41, events: events('resume', 4) };
    first.sendJson(message);
    const [answer] = await first.take(1);
    first.cut();
    const second = await stage.client(context, '&session=phone-1');
    second.sendJson(message);
    assert.deepEqual(await second.take(1), [answer]);
    second.sendJson({ seq: 41, events: [] });
    const [reused] = await second.take(1);
    assert.equal(reused?.error, 'stream_seq_reused', 'other bytes under the same number are never taken for acknowledged');
    const foreign = await stage.clientOf(await stage.home.createKey('deploy', { environment: 'test' }), '&session=phone-1');
    foreign.sendJson({ seq: 41, events: [] });
    assert.deepEqual(await foreign.take(1), [{ seq: 41, accepted: 0, rejected: 0 }], 'a session is its tenant’s own');
    foreign.cut();
    await until('the events are in ClickHouse', 20_000, async () => (await stage.inClickHouse('resume')).rows === 4);
    assert.match(await stage.metrics(), /^penstock_stream_messages_total\{fate="repeated"\} 1$/m);
  },

  'a silent client is pinged and stays, one that answers no ping is closed': async (stage, context) => {
    const alive = await stage.client(context);
    const dead = await stage.client(context);
    dead.socket.pause();
    await until('a ping came', 12_000, () => alive.pings > 0);
    await until('the dead connection is gone', 20_000, async () => /^penstock_stream_connections 1$/m.test(await stage.metrics()));
    alive.sendJson({ seq: 1, events: [] });
    assert.deepEqual(await alive.take(1), [{ seq: 1, accepted: 0, rejected: 0 }]);
  },

  'one connection too many is told when to come back': async (stage, context) => {
    await until('all are gone', 10_000, async () => /^penstock_stream_connections 0$/m.test(await stage.metrics()));
    for (let index = 0; index < CONNECTIONS_MAX; index++) await stage.client(context);
    await assert.rejects(StreamClient.open(stage.url()), /^Error: 503 \{"ok":false,"error":"overloaded"/);
  },

  'a revoked key ends its connections': async (stage, context) => {
    await until('all are gone', 10_000, async () => /^penstock_stream_connections 0$/m.test(await stage.metrics()));
    const other = await stage.home.command(['keys', 'create', '--use', 'deploy', '--organization', 'o', '--project', 'p', '--json']);
    const { id, key }: { id: string; key: string } = JSON.parse(other.stdout);
    const client = await stage.clientOf(key);
    context.after(() => client.cut());
    await stage.home.command(['keys', 'revoke', id]);
    await until('the connection ends', 10_000, () => {
      client.sendJson({ events: [] });
      return client.ended !== undefined;
    });
    assert.equal(client.ended?.code, 1008);
  },

  'a shutdown answers what is in hand and says come back': async (stage) => {
    const clients = await Promise.all([1, 2, 3].map(() => StreamClient.open(stage.url())));
    for (const client of clients) client.sendJson({ seq: 5, events: events('shutdown', 2) });
    await Promise.all(clients.map((client) => client.take(1)));
    for (const client of clients) client.sendJson({ seq: 6, events: events('last', 2) });
    const stopped = stage.daemon.stop();
    for (const client of clients) {
      const { code, reason } = await client.end();
      assert.equal(code, 1012);
      const advice: { retry_after_ms: number } = JSON.parse(reason);
      assert.ok(advice.retry_after_ms >= 1000 && advice.retry_after_ms <= 10_000);
    }
    assert.equal(await stopped, 0);
  },
};

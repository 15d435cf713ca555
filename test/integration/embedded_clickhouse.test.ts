/** The embedded ClickHouse as its clients meet it: the real supervisor, the real child, the real engine. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { request as httpRequest, type OutgoingHttpHeaders } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { ClickHouseLogLevel, createClient } from '@clickhouse/client';
import { SYSTEM_CLOCK } from '../../src/base/system_clock.ts';
import { EmbeddedClickHouse } from '../../src/clickhouse/embedded/supervisor.ts';
import { OperatingError } from '../../src/contract/errors.ts';

const WAIT_MS = 20_000;
const ATTACK = '\n\nDROP TABLE kept;\n\n';

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
}

let directory = '';
let engine: EmbeddedClickHouse;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'penstock-embedded-'));
  engine = newEngine(join(directory, 'main'));
  await engine.start();
  await run('CREATE TABLE kept (a UInt32, s String) ENGINE = MergeTree ORDER BY a');
});

after(async () => {
  await engine.stop(5_000);
  await rm(directory, { recursive: true, force: true });
});

function newEngine(data_directory: string, port = 0): EmbeddedClickHouse {
  return new EmbeddedClickHouse({ data_directory, port, clock: SYSTEM_CLOCK, on_log: () => undefined, takeover_wait_ms: 1_500 });
}

/** One request without a client's help, so that headers and bodies can be wrong. */
async function send(path: string, body: string | Buffer = '', headers: OutgoingHttpHeaders = {}, method = 'POST'): Promise<Answer> {
  const request = httpRequest(engine.url + path, { method, headers });
  request.end(body);
  const [response] = await once(request, 'response');
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  return { status: response.statusCode, headers: response.headers, text: Buffer.concat(chunks).toString() };
}

async function run(sql: string): Promise<string> {
  const answer = await send('/', sql);
  assert.equal(answer.status, 200, answer.text);
  return answer.text;
}

function query(sql: string): string {
  return `/?query=${encodeURIComponent(sql)}`;
}

async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const until_ms = performance.now() + WAIT_MS;
  while (!(await condition())) {
    assert(performance.now() < until_ms, `waited in vain until ${what}`);
    await sleep(20);
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

test('@clickhouse/client pings, inserts, streams Native, binds parameters and is told errors and counts', async () => {
  const client = createClient({ url: engine.url, log: { level: ClickHouseLogLevel.OFF } });
  try {
    assert.equal((await client.ping()).success, true);
    await client.command({ query: 'CREATE TABLE spoken (a UInt32, s String) ENGINE = MergeTree ORDER BY a' });
    const inserted = await client.insert({
      table: 'spoken',
      values: [
        { a: 1, s: 'x\n\ny' },
        { a: 2, s: "'" },
      ],
      format: 'JSONEachRow',
    });
    assert.equal(inserted.summary?.written_rows, '2');

    const native = await client.exec({ query: "SELECT toUInt32(number + 10) AS a, 'n' AS s FROM numbers(1000) FORMAT Native" });
    const block = Buffer.concat(await native.stream.toArray());
    const values = Readable.from([block], { objectMode: false });
    const sent = await client.exec({ query: 'INSERT INTO spoken (a, s) FORMAT Native', values, query_id: 'mine' });
    sent.stream.resume();
    assert.deepEqual([sent.query_id, sent.summary?.written_rows], ['mine', '1000']);

    const rows = await client.query({
      query: 'SELECT s FROM {table:Identifier} WHERE a = {a:UInt32} AND s = {s:String}',
      query_params: { table: 'spoken', a: 1, s: 'x\n\ny' },
      clickhouse_settings: { max_threads: 1 },
      format: 'JSONEachRow',
    });
    assert.deepEqual(await rows.json(), [{ s: 'x\n\ny' }]);
    await assert.rejects(client.query({ query: 'SELECT * FROM nowhere' }), { code: '60', type: 'UNKNOWN_TABLE' });
  } finally {
    await client.close();
  }
});

test('a query comes in the URL or the body, plain or gzip, and is answered in the format asked for', async () => {
  assert.equal((await send(query('SELECT 1'), '', {}, 'GET')).text, '1\n');
  assert.equal((await send('/', 'SELECT 1, 2;')).text, '1\t2\n');
  assert.equal((await send(query('SELECT 1'), '+ 1')).text, '2\n');
  assert.equal((await send('/', gzipSync('SELECT 3'), { 'Content-Encoding': 'gzip' })).text, '3\n');
  const json = await send('/?default_format=JSONEachRow', 'SELECT 1 AS a');
  assert.deepEqual([json.text, json.headers['x-clickhouse-format']], ['{"a":1}\n', 'JSONEachRow']);
  assert.equal((await send('/ping', '', {}, 'GET')).text, 'Ok.\n');
  assert.equal((await send(query('DROP TABLE kept'), '', {}, 'GET')).headers['x-clickhouse-exception-code'], '164');
});

test('settings, database and parameters are gone with their request', async () => {
  const probe = "SELECT getSetting('max_block_size') = 77, currentDatabase()";
  assert.equal((await send('/?max_block_size=77&database=system', probe)).text, '1\tsystem\n');
  for (let times = 0; times < 8; times++) assert.equal(await run(probe), '0\tdefault\n');
  assert.equal((await send('/?param_x=1', 'SELECT {x:UInt8}')).text, '1\n');
  for (let times = 0; times < 8; times++) {
    assert.equal((await send('/', 'SELECT {x:UInt8}')).headers['x-clickhouse-exception-code'], '456');
    assert.equal((await send('/', 'INSERT INTO kept VALUES ({x:UInt8}, 1)')).status, 400);
  }
});

test('SQL behind a blank line in the data of an INSERT is data, or an error, but never runs', async () => {
  const bodies = {
    CSV: `1,"a${ATTACK}"\n`,
    TSV: `1\ta${ATTACK}`,
    JSONEachRow: `{"a":1,"s":"x"}${ATTACK}`,
    Values: `(1,'a${ATTACK}')${ATTACK}`,
    Native: ATTACK,
    LineAsString: ATTACK,
  };
  for (const [format, body] of Object.entries(bodies)) {
    await send(query(`INSERT INTO kept FORMAT ${format}`), body);
    await send('/', `INSERT INTO kept FORMAT ${format}\n${body}`);
    assert.equal(await run('EXISTS TABLE kept'), '1\n', format);
  }
  await send('/', `INSERT INTO kept VALUES (7, 'seven')${ATTACK}`);
  assert.equal(await run('EXISTS TABLE kept'), '1\n');
  await run(`INSERT INTO kept VALUES (8, 'eight${ATTACK}');`);
  assert.equal(await run("SELECT count() FROM kept WHERE s = 'eight\\n\\nDROP TABLE kept;\\n\\n'"), '1\n');
});

test('a body that did not arrive whole is not run', async () => {
  await run('CREATE TABLE torn (s String) ENGINE = MergeTree ORDER BY s');
  const { hostname, port } = new URL(engine.url);
  const heads = ['Content-Length: 100\r\n\r\na\nb\n', 'Transfer-Encoding: chunked\r\n\r\n4\r\na\nb\n\r\n'];
  for (const head of heads) {
    const socket = connect(Number(port), hostname);
    socket.on('error', () => undefined);
    socket.write(`POST ${query('INSERT INTO torn FORMAT TSV')} HTTP/1.1\r\nHost: ${hostname}:${port}\r\n${head}`);
    await sleep(50);
    socket.destroy();
    await once(socket, 'close');
  }
  const torn_gzip = gzipSync('a\nb\n').subarray(0, -6);
  const answer = await send(query('INSERT INTO torn FORMAT TSV'), torn_gzip, { 'Content-Encoding': 'gzip' });
  assert.equal(answer.status, 400);
  await run("INSERT INTO torn VALUES ('last')");
  assert.equal(await run('SELECT * FROM torn'), 'last\n');
});

test('a body larger than memory keeps for it goes in whole, with its statement in the URL or in front', async () => {
  await run('CREATE TABLE big (s String) ENGINE = MergeTree ORDER BY s');
  const lines = 'a line of some thirty characters\n'.repeat(100_000);
  assert.equal((await send(query('INSERT INTO big FORMAT TSV'), gzipSync(lines), { 'Content-Encoding': 'gzip' })).status, 200);
  assert.equal((await send('/', `INSERT INTO big FORMAT TSV\n${lines}`)).status, 200);
  assert.equal(await run('SELECT count(), uniqExact(s) FROM big'), '200000\t1\n');
  assert.match((await send('/', `SELECT 1 -- ${lines}`)).text, /Max query size/);
});

test('a deduplication token and the strict settings reach the engine with the INSERT', async () => {
  await run('CREATE TABLE once (a UInt32) ENGINE = MergeTree ORDER BY a SETTINGS non_replicated_deduplication_window = 100');
  const path = `${query('INSERT INTO once FORMAT JSONEachRow')}&insert_deduplication_token=t&input_format_skip_unknown_fields=0`;
  assert.equal((await send(path, '{"a":1}')).status, 200);
  assert.equal((await send(path, '{"a":1}')).status, 200);
  assert.equal(await run('SELECT count() FROM once'), '1\n');
  assert.equal((await send(path, '{"b":1}')).headers['x-clickhouse-exception-code'], '117');
});

test('an orderly stop answers the insert that runs, and the next start has its rows', async () => {
  const stopping = newEngine(join(directory, 'stopping'));
  await stopping.start();
  const client = createClient({ url: stopping.url, log: { level: ClickHouseLogLevel.OFF } });
  try {
    await client.command({ query: 'CREATE TABLE last (a UInt64) ENGINE = MergeTree ORDER BY a' });
    const running = client.command({ query: 'INSERT INTO last SELECT number + sleepEachRow(0.1) FROM numbers(5)', query_id: 'last' });
    const find = "SELECT toUInt8(count()) AS found FROM system.processes WHERE Settings['log_comment'] = 'last'";
    await until(async () => JSON.stringify(await (await client.query({ query: find })).json()).includes('"found":1'), 'the insert runs');
    await Promise.all([stopping.stop(5_000), running]);
    assert.equal(stopping.state, 'stopped');
    await stopping.start();
    const rows = await client.query({ query: 'SELECT toUInt8(count()) AS rows FROM last', format: 'JSONEachRow' });
    assert.deepEqual(await rows.json(), [{ rows: 5 }]);
  } finally {
    await client.close();
    await stopping.stop(5_000);
  }
});

test('other hosts, pages in a browser, other users and ways to files are refused', async () => {
  const { port } = new URL(engine.url);
  assert.equal((await send('/ping', '', { Host: 'evil.example' }, 'GET')).status, 403);
  assert.equal((await send('/', 'SELECT 1', { Origin: 'http://localhost' })).status, 403);
  assert.equal((await send('/', 'SELECT 1', { Host: `localhost:${port}` })).status, 200);
  assert.equal((await send('/?user=eve', 'SELECT 1')).headers['x-clickhouse-exception-code'], '516');
  for (const sql of ["SELECT * FROM '/etc/passwd'", "SELECT * FROM file('/etc/passwd')", "SELECT 1 INTO OUTFILE '/tmp/x'"]) {
    assert.equal((await send('/', sql)).headers['x-clickhouse-exception-code'], '497', sql);
  }
});

test('parts are fsynced although no table asks for it', async () => {
  assert.equal(
    await run("SELECT sum(value = '1') FROM system.merge_tree_settings WHERE name IN ('fsync_after_insert', 'fsync_part_directory')"),
    '2\n',
  );
});

test('a part of 20 MB is compact, so that an INSERT syncs a few files and not two for each column', async () => {
  await run('CREATE TABLE wide_enough (n UInt64, text String) ENGINE = MergeTree ORDER BY n');
  await run('INSERT INTO wide_enough SELECT number, toString(number) FROM numbers(800000) SETTINGS min_insert_block_size_rows = 1000000');
  assert.equal(await run("SELECT DISTINCT part_type FROM system.parts WHERE table = 'wide_enough'"), 'Compact\n');
  await run('DROP TABLE wide_enough');
});

test('a long read blocks neither reads nor inserts, is found by its query id, and can be killed', async () => {
  const slow = send('/?query_id=slow', 'SELECT sleep(1) FROM numbers(60) SETTINGS max_block_size = 1, max_threads = 1');
  const find = "SELECT count() FROM system.processes WHERE Settings['log_comment'] = 'slow'";
  await until(async () => (await run(find)) === '1\n', 'the slow read runs');
  await run("INSERT INTO kept VALUES (9, 'nine')");
  await run("KILL QUERY WHERE query_id = 'slow'");
  assert.equal((await slow).headers['x-clickhouse-exception-code'], '394');
});

test('a child that is killed comes back on the same port with what it acknowledged', async () => {
  await run("INSERT INTO kept VALUES (4242, 'acknowledged')");
  const { url, pid } = engine;
  assert(pid !== undefined);
  process.kill(pid, 'SIGKILL');
  await until(() => engine.state === 'ready' && engine.pid !== pid, 'the child is back');
  assert.equal(engine.url, url);
  assert.match(engine.lastError, /SIGKILL/);
  assert.equal(await run('SELECT s FROM kept WHERE a = 4242'), 'acknowledged\n');
  assert.deepEqual(await readdir(join(directory, 'main', 'requests')), []);
});

test('a port or a directory in use is said to be', async () => {
  const port = Number(new URL(engine.url).port);
  const coded = (code: string) => (error: unknown) => error instanceof OperatingError && error.code === code;
  const same_port = newEngine(join(directory, 'other'), port);
  await assert.rejects(same_port.start(), coded('port_in_use'));
  assert.equal(same_port.state, 'failed');
  const same_directory = newEngine(join(directory, 'main'));
  await assert.rejects(same_directory.start(), coded('engine_directory_locked'));
});

test('the child ends when the daemon is killed', async () => {
  const script = `
    import { EmbeddedClickHouse } from ${JSON.stringify(new URL('../../src/clickhouse/embedded/supervisor.js', import.meta.url).href)};
    import { SYSTEM_CLOCK } from ${JSON.stringify(new URL('../../src/base/system_clock.js', import.meta.url).href)};
    const engine = new EmbeddedClickHouse({ data_directory: process.argv[1], port: 0, clock: SYSTEM_CLOCK, on_log: () => undefined });
    await engine.start();
    console.log(engine.pid);
    setInterval(() => undefined, 1000);`;
  const parent = spawn(process.execPath, ['--input-type=module', '-e', script, join(directory, 'orphan')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const [line] = await once(createInterface({ input: parent.stdout }), 'line');
    const pid = Number(line);
    assert(isAlive(pid));
    parent.kill('SIGKILL');
    await until(() => !isAlive(pid), 'the orphan is gone');
  } finally {
    parent.kill('SIGKILL');
  }
});

/** The document of the interface, held against the daemon that serves it: every documented request is sent, every answer judged. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { pack } from 'msgpackr';
import { KEY_USES } from '../../src/contract/tenant.ts';
import type { Document, Operation } from '../../src/openapi/types.ts';
import { DaemonHome, type RunningDaemon } from '../support/daemon.ts';
import { answerSchema, DocumentJudge, operationsOf, type PlacedOperation } from '../support/openapi.ts';
import { exchange } from '../support/raw_http.ts';
import { until } from '../support/until.ts';

const MIB = 2 ** 20;
const BODY_BYTES_MAX = 8 * MIB;
const JSON_TYPE = 'application/json';

interface Outgoing {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** To be added to the query string. */
  readonly query?: string;
}

interface Answered {
  readonly status: number;
  readonly content_type: string;
  readonly retry_after: string | null;
  readonly text: string;
}

/** What a client can do to be refused with each code; what is missing here needs a daemon in trouble, and has tests of its own. */
const POST_PROVOCATIONS: Readonly<Record<string, Outgoing>> = {
  not_json: { body: '{' },
  not_an_object: { body: '5' },
  no_events: { body: '{}' },
  repeated_events: { body: '{"events":[],"events":[]}' },
  nesting_too_deep: { body: `{"a":${'['.repeat(1000)}${']'.repeat(1000)}}` },
  too_many_keys: { body: `{${Array.from({ length: 200_000 }, (_, key) => `"${key}":0`).join()}}` },
  body_around_events_too_large: { body: `{"a":"${'a'.repeat(5 * MIB)}","events":[]}` },
  not_message_pack: { body: Buffer.from([0xc1]), headers: { 'Content-Type': 'application/msgpack' } },
  media_type_unsupported: { body: '{}', headers: { 'Content-Type': 'text/html' } },
  encoding_unsupported: { body: '{}', headers: { 'Content-Encoding': 'gzip, gzip' } },
  encoding_corrupt: { body: '{}', headers: { 'Content-Encoding': 'gzip' } },
  inflated_too_large: { body: gzipSync(`{"events":[${'0,'.repeat(BODY_BYTES_MAX / 2)}0]}`), headers: { 'Content-Encoding': 'gzip' } },
};
const RAW_POST_PROVOCATIONS: Readonly<Record<string, readonly string[]>> = {
  bad_request: ['Transfer-Encoding: gzip, chunked'],
  body_too_large: [`Content-Length: ${BODY_BYTES_MAX * 8}`],
};

class Replay {
  /** Codes that were answered. */
  readonly seen = new Set<string>();

  constructor(
    private readonly daemon: RunningDaemon,
    private readonly http_port: number,
    private readonly keys: ReadonlyMap<string, string>,
    private readonly judge: DocumentJudge,
  ) {}

  /** What presents a key as one of the operation's alternatives says. */
  present(requirement: Readonly<Record<string, readonly string[]>> = {}): Outgoing {
    const [[credential = '', [use = ''] = []] = []] = Object.entries(requirement);
    const key = this.keys.get(use) ?? '';
    switch (credential) {
      case 'x-api-key':
        return { headers: { 'x-api-key': key } };
      case 'bearer':
        return { headers: { Authorization: `Bearer ${key}` } };
      case 'query':
        return { query: `key=${key}` };
      default:
        return {};
    }
  }

  async send({ path, method, operation }: PlacedOperation, ...parts: readonly Outgoing[]): Promise<Answered> {
    const body = parts.find((part) => part.body !== undefined)?.body;
    const query = parts.flatMap((part) => part.query ?? []).join('&');
    const answer = await fetch(this.daemon.url(`${fillPath(path, operation)}${query === '' ? '' : `?${query}`}`), {
      method: method.toUpperCase(),
      headers: Object.assign({}, ...parts.map((part) => part.headers ?? {})),
      ...(body === undefined ? {} : { body }),
    });
    const { status, headers } = answer;
    return { status, content_type: headers.get('content-type') ?? '', retry_after: headers.get('retry-after'), text: await answer.text() };
  }

  async sendRaw({ path, operation }: PlacedOperation, lines: readonly string[]): Promise<Answered> {
    const { headers = {}, query } = this.present(operation.security[0]);
    const target = `${fillPath(path, operation)}${query === undefined ? '' : `?${query}`}`;
    const presented = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
    const head = [`POST ${target} HTTP/1.1`, 'Host: h', ...presented, ...lines, '', ''].join('\r\n');
    const answer = await exchange(this.http_port, [head]);
    const [answer_head = '', text = ''] = answer.split('\r\n\r\n');
    const content_type = /^content-type: (.*)$/im.exec(answer_head)?.[1]?.trim() ?? '';
    return { status: Number(answer_head.split(' ')[1]), content_type, retry_after: null, text };
  }

  /** Holds an answer against what the document says of its status. */
  check(placed: PlacedOperation, answer: Answered, what: string): void {
    const place = `${placed.method} ${placed.path}: ${what}: ${answer.status} ${answer.text.slice(0, 300)}`;
    const documented = placed.operation.responses[answer.status];
    assert.ok(documented, `not documented: ${place}`);
    assert.equal(answer.content_type, JSON_TYPE, place);
    assert.equal(answer.retry_after !== null, documented.headers?.['Retry-After'] !== undefined, place);
    const value: { error?: string } = JSON.parse(answer.text);
    assert.equal(this.judge.problems(answerSchema(placed, answer.status), value), '', place);
    if (typeof value.error === 'string') this.seen.add(value.error);
  }
}

function fillPath(path: string, operation: Operation): string {
  return path.replace(/\{([a-z_]+)\}/g, (_, name: string) => {
    const parameter = operation.parameters?.find((each) => each.in === 'path' && each.name === name);
    return encodeURIComponent(String(parameter?.example));
  });
}

/** Each documented example of a body; the same in every media type that is taken. */
function documentedBodies(operation: Operation): (Outgoing & { what: string })[] {
  const content = operation.requestBody?.content ?? {};
  const examples = Object.entries(content[JSON_TYPE]?.examples ?? {});
  return Object.keys(content).flatMap((media_type) =>
    examples.map(([name, { value }]) => ({
      what: `${media_type}: ${name}`,
      headers: { 'Content-Type': media_type },
      body: written(media_type, value),
    })),
  );
}

function written(media_type: string, value: unknown): string | Uint8Array {
  if (media_type === JSON_TYPE) return JSON.stringify(value);
  if (!media_type.includes('ndjson')) return pack(value);
  const events: unknown = Object.values(value ?? {})[0];
  assert.ok(Array.isArray(events));
  return events.map((event) => `${JSON.stringify(event)}\n`).join('');
}

test('every documented request is answered as the document says, and so is every documented way of being refused', async (context) => {
  const home = await DaemonHome.create(context, {
    PENSTOCK_HTTP__BODY_BYTES_MAX: String(BODY_BYTES_MAX),
    PENSTOCK_SPOOL__SEAL_AGE_MS_MAX: '100',
  });
  const keys = new Map<string, string>();
  for (const use of KEY_USES) keys.set(use, await home.createKey(use));
  const daemon = await home.start();
  const document: Document = JSON.parse(await (await fetch(daemon.url('/openapi.json'))).text());
  const replay = new Replay(daemon, home.http_port, keys, new DocumentJudge(document));
  const operations = operationsOf(document);
  const posts = operations.filter(({ method }) => method === 'post');
  const gets = operations.filter(({ method }) => method === 'get');
  assert.ok(posts.length > 0 && posts.length + gets.length === operations.length);

  await context.test('bodies, with each way to present a key', async () => {
    for (const placed of posts) {
      for (const outgoing of documentedBodies(placed.operation)) {
        for (const requirement of placed.operation.security) {
          const answer = await replay.send(placed, replay.present(requirement), outgoing);
          replay.check(placed, answer, outgoing.what);
          assert.ok(answer.status < 300, `${placed.path} ${outgoing.what}: ${answer.text}`);
        }
      }
    }
  });

  await context.test('reads, with and without each parameter', async () => {
    await until('what was sent is in ClickHouse', 20_000, async () => {
      const { delivered, spooled }: { delivered: number; spooled: number } = JSON.parse(
        await (await fetch(daemon.adminUrl('/ledger'))).text(),
      );
      return delivered > 0 && spooled === 0;
    });
    for (const placed of gets) {
      const queries = placed.operation.parameters?.filter((each) => each.in === 'query') ?? [];
      const values = queries.map(({ name, example = '' }) => `${name}=${encodeURIComponent(example)}`);
      const [first = {}, ...others] = placed.operation.security;
      for (const requirement of [first, ...others]) {
        for (const query of requirement === first ? ['', ...values] : ['']) {
          const answer = await replay.send(placed, replay.present(requirement), query === '' ? {} : { query });
          replay.check(placed, answer, query);
          if (query === '') assert.equal(answer.status, 200, `${placed.path}: ${answer.text}`);
        }
      }
    }
  });

  await context.test('refusals', async () => {
    for (const placed of operations.filter(({ operation }) => operation.security.length > 0)) {
      const present = replay.present(placed.operation.security[0]);
      const unauthorized = await replay.send(placed, placed.method === 'post' ? { body: '{}' } : {});
      assert.equal(unauthorized.status, 401);
      replay.check(placed, unauthorized, 'without a key');
      if (placed.method === 'get') {
        const refused = await replay.send(placed, present, { query: 'nonsense=1' });
        assert.equal(refused.status, 400);
        replay.check(placed, refused, 'a parameter that is none');
        continue;
      }
      for (const [code, outgoing] of Object.entries(POST_PROVOCATIONS)) {
        replay.check(placed, await replay.send(placed, present, outgoing), code);
      }
      for (const [code, lines] of Object.entries(RAW_POST_PROVOCATIONS)) {
        replay.check(placed, await replay.sendRaw(placed, lines), code);
      }
    }
    const provoked = [...Object.keys(POST_PROVOCATIONS), ...Object.keys(RAW_POST_PROVOCATIONS), 'unauthorized', 'parameter_invalid'];
    assert.deepEqual(
      provoked.filter((code) => !replay.seen.has(code)),
      [],
    );
  });

  assert.equal(daemon.stderr, '');
});

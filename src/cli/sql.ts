/** `sql`: one statement to ClickHouse over its HTTP interface, the answer streamed to standard output. */
import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { pipeline } from 'node:stream/promises';
import type { Config } from '../config/schema.ts';
import { OperatingError } from '../contract/errors.ts';
import { type Command, type CommandContext, JSON_OPTION } from './command.ts';

/** Where statements go; user and password travel in headers, so that no message can show them. */
interface Target {
  readonly url: URL;
  readonly user: string;
  readonly password: string;
}

const ERROR_CHARACTERS_MAX = 16_384;

export const SQL_COMMAND: Command = {
  name: 'sql',
  summary: 'Run a statement in ClickHouse and print the answer',
  description: [
    'It asks clickhouse.url or, when that is embedded, the ClickHouse of the running daemon. A FORMAT in the statement wins.',
    'Without one the answer is PrettyCompact on a terminal and TabSeparated in a pipe.',
  ].join('\n'),
  operands: ['STATEMENT'],
  options: [
    { name: 'format', value: 'F', summary: "Answer in one of ClickHouse's formats (CSV, JSON, Vertical, …)" },
    { name: 'json', summary: 'Answer in JSONEachRow, one object per line, for scripts' },
  ],
  examples: ['sql "SELECT event_type, count() FROM deploy_events GROUP BY event_type"'],
  run: runSql,
};

async function runSql(context: CommandContext): Promise<number> {
  const { options, stdout, operands } = context;
  const default_format = options.flag(JSON_OPTION.name) ? 'JSONEachRow' : stdout.isTTY === true ? 'PrettyCompact' : 'TabSeparated';
  const { config } = await context.loadConfig();
  const target = findTarget(config);
  target.url.searchParams.set('database', config.clickhouse.database);
  target.url.searchParams.set('default_format', options.text('format') ?? default_format);
  const answer = await post(target, operands[0] ?? '');
  if (answer.statusCode !== 200) throw new OperatingError('query_failed', { answer: await readText(answer) });
  try {
    await pipeline(answer, stdout, { end: false });
  } catch (error) {
    throw unreachable(target, error);
  }
  return 0;
}

function findTarget({ clickhouse }: Config): Target {
  if (clickhouse.url !== 'embedded') {
    const { protocol, host, username, password } = new URL(clickhouse.url);
    const url = new URL(`${protocol}//${host}/`);
    return { url, user: decodeURIComponent(username) || 'default', password: decodeURIComponent(password) };
  }
  if (clickhouse.embedded_port === 0) {
    const problem = 'clickhouse.embedded_port is 0: set PENSTOCK_CLICKHOUSE__EMBEDDED_PORT to the port that the daemon printed.';
    throw new OperatingError('usage', { problem });
  }
  const url = new URL(`http://127.0.0.1:${clickhouse.embedded_port}/`);
  return { url, user: 'default', password: clickhouse.embedded_password ?? '' };
}

/** Sends the statement; resolves with the answer's head. No time limit: a statement may take as long as it needs. */
function post(target: Target, statement: string): Promise<IncomingMessage> {
  const { url, user, password } = target;
  const headers = { 'X-ClickHouse-User': user, 'X-ClickHouse-Key': password, 'Content-Type': 'text/plain; charset=utf-8' };
  const request = url.protocol === 'https:' ? requestHttps : requestHttp;
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { method: 'POST', headers, agent: false }, resolve);
    outgoing.on('error', (error) => reject(unreachable(target, error)));
    outgoing.end(statement);
  });
}

async function readText(answer: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of answer.setEncoding('utf8')) if (text.length < ERROR_CHARACTERS_MAX) text += chunk;
  return text.trim() || `ClickHouse answered ${answer.statusCode} without a reason.`;
}

function unreachable(target: Target, error: unknown): OperatingError {
  const reason = error instanceof Error ? error.message || ('code' in error ? String(error.code) : error.name) : String(error);
  return new OperatingError('daemon_unreachable', { url: target.url.origin, reason }, { cause: error });
}

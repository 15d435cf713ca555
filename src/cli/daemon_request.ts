/** One question to a daemon's public listener, in plain HTTP or over TLS. */
import { once } from 'node:events';
import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { OperatingError } from '../contract/errors.ts';
import { type Daemon, reasonOf } from './daemon_address.ts';

export interface DaemonAnswer {
  readonly status: number;
  readonly text: string;
}

/** The daemon gives up first. */
const ANSWER_MS_MAX = 15_000;

/**
 * @param path behind that of the URL
 * @throws OperatingError `daemon_unreachable`
 */
export async function getFromDaemon(daemon: Daemon, path: string, headers: Readonly<Record<string, string>>): Promise<DaemonAnswer> {
  const { url, trust } = daemon;
  const target = new URL(`${url.pathname.replace(/\/$/, '')}${path}`, url);
  const options = { headers, signal: AbortSignal.timeout(ANSWER_MS_MAX), ...(trust.ca === undefined ? {} : { ca: trust.ca }) };
  try {
    const sent = (target.protocol === 'https:' ? requestHttps : requestHttp)(target, options).end();
    const [answer]: IncomingMessage[] = await once(sent, 'response');
    if (answer === undefined) throw new Error('BUG: a response without a message');
    return { status: answer.statusCode ?? 0, text: Buffer.concat(await answer.toArray()).toString() };
  } catch (error) {
    throw new OperatingError('daemon_unreachable', { url: url.origin, reason: reasonOf(error) }, { cause: error });
  }
}

/** Asks the operator's listener of the daemon that the configuration names. */
import type { Config } from '../config/schema.ts';
import { OperatingError } from '../contract/errors.ts';

const ANSWER_MS_MAX = 15_000;

/**
 * GET of a page of the admin listener; resolves to its text.
 *
 * @throws OperatingError `daemon_unreachable` when nobody answers there, `query_failed` with the daemon's words when it refuses
 */
export async function askAdmin({ admin }: Config, path: string): Promise<string> {
  if (admin.port === 0) {
    throw new OperatingError('usage', { problem: 'admin.port is 0: set PENSTOCK_ADMIN__PORT to the port that the daemon printed.' });
  }
  const url = `http://${reachable(admin.host)}:${admin.port}`;
  const headers: Record<string, string> = admin.token === null ? {} : { Authorization: `Bearer ${admin.token}` };
  const answer = await fetch(url + path, { headers, signal: AbortSignal.timeout(ANSWER_MS_MAX) }).catch((error: unknown) => {
    throw new OperatingError('daemon_unreachable', { url, reason: reasonOf(error) }, { cause: error });
  });
  const text = await answer.text();
  if (!answer.ok) throw new OperatingError('query_failed', { answer: `The daemon answered ${answer.status}: ${text}` });
  return text;
}

/** An address to connect to, where the setting is one to listen on. */
function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') ? `[${host}]` : host;
}

function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (!(cause instanceof Error)) return String(cause);
  return cause.message || ('code' in cause ? String(cause.code) : cause.name);
}

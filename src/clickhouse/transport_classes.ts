/**
 * What to do about failures that do not come from ClickHouse itself: the network's, and those of a proxy in between.
 *
 * The one question that matters is whether the request can have arrived. Only where the connection never came to be is the
 * answer no; everything else is in doubt.
 */
import type { ErrorClass } from './error_classes.ts';

/** The connection was never made, so no byte of the request left: the server or the way to it is away. */
const NEVER_CONNECTED: ReadonlyMap<string, string> = new Map([
  ['ECONNREFUSED', 'nothing listens at the address'],
  ['ENOTFOUND', 'the host name does not resolve'],
  ['EAI_AGAIN', 'the name server does not answer'],
  ['EADDRNOTAVAIL', 'this machine has no free port to connect from'],
  ['EMFILE', 'this process has as many files open as it may'],
]);

/** The server's certificate was refused during the handshake: no request was sent, and only people can help. */
const CERTIFICATE_CODE = /^(CERT_|ERR_TLS_|ERR_SSL_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|EPROTO$)/;

const REFUSED_BY_PROXY = 'the address answers, but not as ClickHouse: a proxy or another service refuses us';

/** By HTTP status, for an answer without a code of ClickHouse. */
const STATUSES: ReadonlyMap<number, ErrorClass> = new Map<number, ErrorClass>([
  [401, { action: 'pause', in_doubt: false, reason: REFUSED_BY_PROXY }],
  [403, { action: 'pause', in_doubt: false, reason: REFUSED_BY_PROXY }],
  [404, { action: 'pause', in_doubt: false, reason: REFUSED_BY_PROXY }],
  [405, { action: 'pause', in_doubt: false, reason: REFUSED_BY_PROXY }],
  [407, { action: 'pause', in_doubt: false, reason: REFUSED_BY_PROXY }],
  [413, { action: 'shrink', in_doubt: false, reason: 'a proxy does not let a body of this size through' }],
  [429, { action: 'retry', in_doubt: true, reason: 'a proxy asks us to slow down' }],
]);

/** The class of an answer whose status is not 2xx and which carries no code of ClickHouse. */
export function classifyStatus(status: number): ErrorClass {
  const known = STATUSES.get(status);
  if (known !== undefined) return known;
  if (status >= 300 && status < 400) return { action: 'pause', in_doubt: false, reason: 'the address redirects; set the one it names' };
  return { action: 'retry', in_doubt: true, reason: 'a proxy failed, perhaps after it passed the request on' };
}

/** The network's name for a failure: `code` of the system's errors, `TIMEOUT` where the client gave up waiting. */
export function transportCode(error: unknown): string {
  if (!(error instanceof Error)) return 'UNKNOWN';
  if ('code' in error && typeof error.code === 'string') return error.code;
  return error.message.startsWith('Timeout') ? 'TIMEOUT' : error.name;
}

/** The class of a request that ended without an answer. */
export function classifyTransportError(error: unknown): ErrorClass {
  const code = transportCode(error);
  const away = NEVER_CONNECTED.get(code);
  if (away !== undefined) return { action: 'retry', in_doubt: false, reason: away };
  if (CERTIFICATE_CODE.test(code)) {
    return { action: 'pause', in_doubt: true, reason: "the server's certificate or TLS version is not acceptable" };
  }
  if (error instanceof Error && 'syscall' in error && error.syscall === 'connect') {
    return { action: 'retry', in_doubt: false, reason: 'the connection could not be made' };
  }
  return { action: 'retry', in_doubt: true, reason: 'the connection broke or fell silent; the server may have gone on' };
}

/** Which daemon a command speaks to: what `--url` and `--ca` say, else the one of the configuration. */
import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import type { Config } from '../config/schema.ts';
import { OperatingError } from '../contract/errors.ts';
import type { CommandContext, CommandOption } from './command.ts';

/** Whose word is taken that it is the daemon. */
export interface Trust {
  /** Certificates (PEM) instead of the authorities that Node knows; undefined for those. */
  readonly ca: string | undefined;
}

export interface Daemon {
  readonly url: URL;
  readonly trust: Trust;
}

export interface Address {
  readonly host: string;
  readonly port: number;
  /** Absent for plain TCP. */
  readonly trust?: Trust | undefined;
}

export const URL_OPTION: CommandOption = {
  name: 'url',
  value: 'URL',
  summary: 'Speak to the daemon at URL, http://… or https://… (default: the one of the configuration)',
};
export const CA_OPTION: CommandOption = {
  name: 'ca',
  value: 'FILE',
  summary: 'Believe an https daemon by the certificates in FILE (PEM), and by no others: its own, or those of its authority',
};

/** Throws `usage` for an address or a file that cannot be used. */
export async function readDaemon(context: CommandContext): Promise<Daemon> {
  const text = context.options.text(URL_OPTION.name);
  const url = text === undefined ? configuredUrl((await context.loadConfig()).config) : readUrl(text);
  return { url, trust: { ca: await readAuthorities(context, url) } };
}

function readUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const is_plain = url?.search === '' && url.hash === '' && url.username === '' && url.password === '';
  if (url !== undefined && is_plain && /^https?:$/.test(url.protocol)) return url;
  throw new OperatingError('usage', { problem: `--url must be like http://127.0.0.1:8080, not ${JSON.stringify(text)}.` });
}

function configuredUrl({ http }: Config): URL {
  const host = http.host.includes(':') ? `[${http.host}]` : http.host;
  return new URL(`${http.tls.certificate_file === null ? 'http' : 'https'}://${host}:${http.port}/`);
}

async function readAuthorities({ options, readText }: CommandContext, url: URL): Promise<string | undefined> {
  const file = options.text(CA_OPTION.name);
  if (file === undefined) return undefined;
  const refused = (problem: string): OperatingError => new OperatingError('usage', { problem: `--ca ${problem}.` });
  if (url.protocol !== 'https:') throw refused(`is for a daemon that speaks TLS, and ${url.origin} is none`);
  const text = await readText(file).catch((error: unknown) => {
    throw refused(`${JSON.stringify(file)} cannot be read: ${error instanceof Error ? error.message : error}`);
  });
  try {
    new X509Certificate(text);
  } catch {
    throw refused(`${JSON.stringify(file)} holds no certificate in PEM`);
  }
  return text;
}

export function addressOf({ url, trust }: Daemon): Address {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const is_encrypted = url.protocol === 'https:';
  return { host, port: Number(url.port || (is_encrypted ? 443 : 80)), trust: is_encrypted ? trust : undefined };
}

/** What `tls.connect` wants to know of an address; an IP address cannot be asked for by name. */
export function tlsOptions({ host, port }: Address, { ca }: Trust): { host: string; port: number; servername?: string; ca?: string } {
  return { host, port, ...(isIP(host) === 0 ? { servername: host } : {}), ...(ca === undefined ? {} : { ca }) };
}

/** Why there was no answer, for `daemon_unreachable`. Errors hide it in their cause or their code. */
export function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (!(cause instanceof Error)) return String(cause);
  const code = 'code' in cause ? String(cause.code) : cause.name;
  const is_stranger = /SELF_SIGNED|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER/.test(code);
  return `${cause.message || code}${is_stranger ? '; --ca names whom to believe' : ''}`;
}

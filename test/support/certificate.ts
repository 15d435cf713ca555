/** Certificates for tests, by openssl. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Paths. */
export interface Pair {
  readonly certificate: string;
  readonly key: string;
}

/** A certificate for localhost that nobody vouches for, good for two days. */
export async function makeCertificate(directory: string, name: string): Promise<Pair> {
  const pair = { certificate: join(directory, `${name}.crt`), key: join(directory, `${name}.key`) };
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  const kind = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  await run('openssl', ['req', ...kind, '-keyout', pair.key, '-out', pair.certificate, ...subject]);
  return pair;
}

/** What the daemon says to a person when it starts: where it is, and on the first start the keys and something to try. */

export interface FirstKey {
  readonly use: string;
  readonly secret: string;
}

export interface Addresses {
  readonly public_url: string;
  readonly admin_url: string;
  readonly clickhouse_url: string;
}

/** The address that a person on this machine can use for a host that may mean every network. */
export function localUrl(host: string, port: number, scheme: 'http' | 'https' = 'http'): string {
  if (host === '0.0.0.0' || host === '::') return `${scheme}://127.0.0.1:${port}`;
  return `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

export function startMessage(addresses: Addresses): string {
  return [
    'Penstock is ready.',
    `  events   ${addresses.public_url}`,
    `  live page  ${addresses.admin_url}/`,
    `  metrics  ${addresses.admin_url}/metrics`,
    `  clickhouse  ${addresses.clickhouse_url}`,
    '',
  ].join('\n');
}

/** Printed once, on the first start with an empty data directory: the secrets are stored nowhere. */
export function firstStartMessage(keys: readonly FirstKey[], addresses: Addresses, sample_body: string): string {
  const deploy_key = keys.find((key) => key.use === 'deploy')?.secret ?? '';
  return [
    'This is the first start. Organization org_demo and project proj_demo have these keys; they are shown only now:',
    ...keys.map((key) => `  ${key.use.padEnd(8)} ${key.secret}`),
    '',
    'Send an event:',
    `  curl ${addresses.public_url}/api/deploy/report -H 'x-api-key: ${deploy_key}' -d '${sample_body}'`,
    'and read it back:',
    '  npm run -s penstock -- sql "SELECT timestamp, event_type, release_id, metadata.first_render_ms FROM deploy_events"',
    '',
  ].join('\n');
}

/**
 * A crash reporter's webhooks, about two kilobytes each: issues of some apps, with the environment of the device in their recording. No
 * two of a load are equal.
 */
import { authorityOf, type Counts, type Destination, type RequestMaker, type Traffic } from './traffic.ts';

const APPS = 20;
const VERSIONS = 10;
const SEVERITIES = ['unknown', 'low', 'medium', 'high', 'critical', 'blocker'];
/** What a device tells of itself, in the length that it takes. */
const HARDWARE = {
  manufacturer: 'samsung',
  model: 'SM-G925F',
  android_id: '',
  battery: 0.5,
  charging: false,
  network: { name: '', mcc: '262', mnc: '01', country: 'de' },
  screen: { dpiX: 0, dpiY: 0, xdpi: 580.57, ydpi: 580.57, density: 4, density_dpi_name: 'xxxdpi', height: 640, width: 360 },
};
const PLATFORM = {
  type: 'android',
  version: '24',
  release_name: '7.0',
  jailbreak: false,
  memory_total: 3_000_000_000,
  memory_free: 1_000_000_000,
  locale_extended_info: { format_locale: 'en_US', display_locale: 'en_US', chosen_locales: ['en_US'] },
  supported_abis: ['arm64-v8a', 'armeabi-v7a', 'armeabi'],
};
const DESCRIPTION = 'When the app started and the sign up screen appeared it missed the button that one taps to sign up. '.repeat(4);

export class WebhookTraffic implements Traffic {
  private sent = 0;

  constructor(private readonly plan: Destination & { readonly seed: number }) {}

  createRequests(): RequestMaker {
    return { next: () => this.nextRequest() };
  }

  /** Each request has one event, and a stored one is answered so. */
  readCounts(body: string): Counts | undefined {
    return body.endsWith('"status":"accepted"}') ? { accepted: 1, rejected: 0 } : undefined;
  }

  private nextRequest(): Uint8Array {
    const { address, key, seed } = this.plan;
    const body = JSON.stringify(webhook(this.sent++, seed));
    const head = [
      'POST /webhooks/bugsee HTTP/1.1',
      `Host: ${authorityOf(address)}`,
      `x-api-key: ${key}`,
      'Content-Type: application/json',
      `Content-Length: ${Buffer.byteLength(body)}`,
    ];
    return Buffer.from(`${head.join('\r\n')}\r\n\r\n${body}`);
  }
}

function webhook(ordinal: number, seed: number): object {
  const app = `APP${ordinal % APPS}`;
  const key = `${app}-${ordinal}`;
  const url = `https://crashes.example.com/#/apps/${app}`;
  const created_on = '2026-03-01T10:00:00.000Z';
  const version = `2.${ordinal % VERSIONS}.1`;
  const environment = { app: { package_id: 'com.example.app', version, build: '1' }, platform: PLATFORM, hardware: HARDWARE };
  const recording = { key: 'vmd73hsr', url: `${url}/issues/${key}/vmd73hsr`, environment, attributes: {}, created_on };
  const issue = {
    key,
    summary: 'Something went wrong',
    description: DESCRIPTION,
    type: 'crash',
    state: 'open',
    labels: [],
    url: `${url}/issues/${key}`,
    severity: SEVERITIES[ordinal % SEVERITIES.length],
    created_on,
    updated_on: created_on,
    recordings: [recording],
    created_by: { name: 'John Smith', email: 'john.smith@example.com' },
  };
  return { id: `${seed}-${ordinal}`, type: 'issue.created', created_on, payload: { app: { key: app, name: app, url }, issue } };
}

/**
 * A crash reporter's webhooks, about two kilobytes each: issues of some apps, with the environment of the device in their recording. No
 * two of a load are equal.
 */
import { RequestBytes, RequestTemplate } from './request_template.ts';
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
/** What differs from one webhook to the next. */
const NAMES = ['seed', 'ordinal', 'app', 'version', 'severity'];
const DESCRIPTION = 'When the app started and the sign up screen appeared it missed the button that one taps to sign up. '.repeat(4);

const KEY = '{app}-{ordinal}';
const URL = 'https://crashes.example.com/#/apps/{app}';
const CREATED_ON = '2026-03-01T10:00:00.000Z';
const ENVIRONMENT = { app: { package_id: 'com.example.app', version: '{version}', build: '1' }, platform: PLATFORM, hardware: HARDWARE };
const RECORDING = {
  key: 'vmd73hsr',
  url: `${URL}/issues/${KEY}/vmd73hsr`,
  environment: ENVIRONMENT,
  attributes: {},
  created_on: CREATED_ON,
};
const ISSUE = {
  key: KEY,
  summary: 'Something went wrong',
  description: DESCRIPTION,
  type: 'crash',
  state: 'open',
  labels: [],
  url: `${URL}/issues/${KEY}`,
  severity: '{severity}',
  created_on: CREATED_ON,
  updated_on: CREATED_ON,
  recordings: [RECORDING],
  created_by: { name: 'John Smith', email: 'john.smith@example.com' },
};
const WEBHOOK = {
  id: '{seed}-{ordinal}',
  type: 'issue.created',
  created_on: CREATED_ON,
  payload: { app: { key: '{app}', name: '{app}', url: URL }, issue: ISSUE },
};

export class WebhookTraffic implements Traffic {
  private readonly template: RequestTemplate;
  private readonly seed: string;
  private sent = 0;

  constructor({ address, key, seed }: Destination & { readonly seed: number }) {
    this.seed = String(seed);
    const head = ['POST /webhooks/bugsee HTTP/1.1', `Host: ${authorityOf(address)}`, `x-api-key: ${key}`, 'Content-Type: application/json'];
    this.template = new RequestTemplate(head, WEBHOOK, NAMES);
  }

  createRequests(): RequestMaker {
    const bytes = new RequestBytes();
    return { next: () => bytes.of(this.template, this.nextValues()) };
  }

  /** Each request has one event, and a stored one is answered so. */
  readCounts(body: string): Counts | undefined {
    return body.endsWith('"status":"accepted"}') ? { accepted: 1, rejected: 0 } : undefined;
  }

  private nextValues(): readonly string[] {
    const ordinal = this.sent++;
    return [this.seed, String(ordinal), `APP${ordinal % APPS}`, `2.${ordinal % VERSIONS}.1`, SEVERITIES[ordinal % SEVERITIES.length]];
  }
}

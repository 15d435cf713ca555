/** A request of which all bytes but a number's digits are made once: its events are told from those of every other by that number. */
const EVENT_DIGITS = 3;
export const SERIAL_DIGITS = 8;
const PLACEHOLDER = '#'.repeat(SERIAL_DIGITS);

export interface RequestShape {
  readonly key: string;
  /** Beginning of the names of all devices of a run. */
  readonly device_prefix: string;
  readonly batch_events: number;
}

export class NumberedRequest {
  private readonly places: readonly number[];
  private readonly template: Buffer;
  /** Those that nobody reads any more. The same few stay in the processor's cache, however many connections there are. */
  private readonly idle: Buffer[] = [];

  constructor({ key, device_prefix, batch_events }: RequestShape) {
    const events = Array.from({ length: batch_events }, (_, index) => event(`${device_prefix}${PLACEHOLDER}-${pad(index)}`));
    const body = JSON.stringify({ events });
    const head = `POST /api/deploy/report HTTP/1.1\r\nHost: 127.0.0.1\r\nx-api-key: ${key}\r\nContent-Type: application/json\r\n`;
    const text = `${head}Content-Length: ${body.length}\r\n\r\n${body}`;
    this.template = Buffer.from(text, 'latin1');
    this.places = [...text.matchAll(new RegExp(PLACEHOLDER, 'g'))].map(({ index }) => index);
  }

  /** The request of this number, 0 or more and of SERIAL_DIGITS at most. */
  take(serial: number): Buffer {
    const bytes = this.idle.pop() ?? Buffer.from(this.template);
    const digits = Buffer.from(String(serial).padStart(SERIAL_DIGITS, '0'), 'latin1');
    for (const place of this.places) {
      for (let digit = 0; digit < SERIAL_DIGITS; digit++) bytes[place + digit] = digits[digit];
    }
    return bytes;
  }

  /** The system has a copy of them. */
  giveBack(bytes: Buffer): void {
    this.idle.push(bytes);
  }
}

function pad(index: number): string {
  return String(index).padStart(EVENT_DIGITS, '0');
}

/** Of about 268 bytes, as a phone sends it. */
function event(distinct_id: string): Readonly<Record<string, string>> {
  return {
    event_type: 'apply_success',
    release_id: 'rel_2024_11_27',
    distinct_id,
    app_version: '5.3.0',
    bundle_label: 'v5.3.0+42',
    platform: 'android',
    os_version: '14',
    device_model: 'Pixel 8 Pro',
    metadata: '{"prev_label":"v5.3.0+41","first_render_ms":412}',
  };
}

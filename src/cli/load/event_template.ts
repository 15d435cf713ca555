/**
 * The texts of a fleet's events: JSON written once for each release, device profile and shape, into which only a few digits
 * are patched per event. That makes an event cost one short copy, so that the generator leaves the cores to the daemon.
 */
import { assert } from '../../base/assert.ts';
import type { SeededRandom } from './seeded_random.ts';

/** What every event of one device on one release has in common. */
export interface EventContext {
  readonly release_id: string;
  readonly bundle_label: string;
  readonly prev_label: string;
  /** What the release's crash reports carry. */
  readonly stack_trace: string;
  /** Beginning of `distinct_id`; eight hexadecimal digits of the device follow. */
  readonly device_prefix: string;
  readonly app_version: string;
  readonly platform: string;
  readonly os_version: string;
  readonly device_model: string;
}

/** How an event looks: its type and its metadata. `#` stands for a digit that is drawn per event, the first one not 0. */
export interface EventShape {
  /** Position among EVENT_SHAPES. */
  readonly index: number;
  readonly event_type: 'download_complete' | 'apply_success' | 'rollback' | 'crash_on_update';
  readonly metadata: (context: EventContext) => string;
}

/** The metadata as the reference shows it for each type. A number keeps its count of digits, so it has a shape for each. */
export const DOWNLOAD_QUICK = shape(0, 'download_complete', () => '{"download_ms":####,"retried":false}');
export const DOWNLOAD_SLOW = shape(1, 'download_complete', () => '{"download_ms":#####,"retried":true}');
export const APPLY_QUICK = shape(2, 'apply_success', ({ prev_label }) => `{"prev_label":"${prev_label}","first_render_ms":###}`);
export const APPLY_SLOW = shape(3, 'apply_success', ({ prev_label }) => `{"prev_label":"${prev_label}","first_render_ms":####}`);
export const CRASH_FIRST = shape(4, 'crash_on_update', (context) => crashMetadata(context, 1));
export const CRASH_SECOND = shape(5, 'crash_on_update', (context) => crashMetadata(context, 2));
export const ROLLBACK_TWO_CRASH = shape(6, 'rollback', () => '{"reason":"two_crash_rule","crash_count":2}');
export const ROLLBACK_KILL_SWITCH = shape(7, 'rollback', () => '{"reason":"kill_switch","forced":true}');

export const EVENT_SHAPES = [
  DOWNLOAD_QUICK,
  DOWNLOAD_SLOW,
  APPLY_QUICK,
  APPLY_SLOW,
  CRASH_FIRST,
  CRASH_SECOND,
  ROLLBACK_TWO_CRASH,
  ROLLBACK_KILL_SWITCH,
];

/** No event is longer: the longest stack trace, twice escaped, with room to spare. */
export const EVENT_BYTES_MAX = 1024;

const DEVICE_DIGITS = 8;
const DEVICE_PLACEHOLDER = '@'.repeat(DEVICE_DIGITS);
const HEX_DIGITS = Buffer.from('0123456789abcdef');
const ZERO = 0x30;

function shape(index: number, event_type: EventShape['event_type'], metadata: EventShape['metadata']): EventShape {
  return { index, event_type, metadata };
}

function crashMetadata(context: EventContext, retry_count: number): string {
  const stack_trace = JSON.stringify(context.stack_trace);
  return `{"stack_trace":${stack_trace},"first_render_ms":null,"retry_count":${retry_count},"time_to_crash_ms":####}`;
}

/** One event's bytes with the places of what differs from device to device and from event to event. */
export class EventTemplate {
  private readonly bytes: Buffer;
  private readonly device_at: number;
  private readonly number_at: number;
  private readonly number_digits: number;
  private readonly number_min: number;

  constructor(shape: EventShape, context: EventContext) {
    const text = JSON.stringify({
      event_type: shape.event_type,
      release_id: context.release_id,
      distinct_id: context.device_prefix + DEVICE_PLACEHOLDER,
      app_version: context.app_version,
      bundle_label: context.bundle_label,
      platform: context.platform,
      os_version: context.os_version,
      device_model: context.device_model,
      metadata: shape.metadata(context),
    });
    this.bytes = Buffer.from(text, 'latin1');
    this.device_at = text.indexOf(DEVICE_PLACEHOLDER);
    this.number_at = text.indexOf('#');
    this.number_digits = this.number_at < 0 ? 0 : text.lastIndexOf('#') - this.number_at + 1;
    this.number_min = 10 ** (this.number_digits - 1);
    assert(this.bytes.length <= EVENT_BYTES_MAX, 'BUG: an event template is longer than the room kept for an event');
  }

  /**
   * Writes the event of one device at `offset` and returns the offset after it. `into` has EVENT_BYTES_MAX bytes of room.
   *
   * @param device identity of the device, 32 bits
   */
  write(into: Uint8Array, offset: number, device: number, random: SeededRandom): number {
    into.set(this.bytes, offset);
    const device_at = offset + this.device_at;
    for (let digit = 0; digit < DEVICE_DIGITS; digit++) {
      into[device_at + digit] = HEX_DIGITS[(device >>> (28 - 4 * digit)) & 15];
    }
    if (this.number_digits > 0) this.writeNumber(into, offset + this.number_at, random);
    return offset + this.bytes.length;
  }

  /** Overwrites the `#`s with a number of just as many digits: the mean of two draws, so that the middle is common. */
  private writeNumber(into: Uint8Array, offset: number, random: SeededRandom): void {
    const draw = random.next();
    const luck = (draw & 0xffff) + (draw >>> 16);
    let rest = this.number_min + Math.floor((luck * 9 * this.number_min) / 0x2_0000);
    for (let at = offset + this.number_digits - 1; at >= offset; at--) {
      const tens = (rest / 10) | 0;
      into[at] = ZERO + rest - 10 * tens;
      rest = tens;
    }
  }
}

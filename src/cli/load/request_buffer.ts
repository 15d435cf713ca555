/**
 * One connection's request: a buffer that is filled again for every batch and holds its bytes until they are acknowledged,
 * so that a retry sends the same ones.
 *
 * The body begins at a fixed place; the head is written in front of it once its length is known, so that both are one write.
 */
import { type BodyForm, bodyForm } from './body_form.ts';
import { EVENT_BYTES_MAX } from './event_template.ts';

/** What a batch is made of: writes the next event at `offset` and returns the offset after it. */
export interface EventWriter {
  write(into: Uint8Array, offset: number): number;
}

/** The longest opening and ending of a body. */
const FRAME_BYTES_MAX = 64;
const EVENT_BYTES_USUAL = 300;

export class RequestBuffer {
  private readonly head: string;
  private readonly form: BodyForm;
  private readonly separator: number;
  private readonly body_at: number;
  private bytes: Buffer;

  /**
   * @param head the request's head as far as `Content-Length: `, to which the length is added; empty for a message, which has none
   */
  constructor(head: string, batch_events: number, form: BodyForm = bodyForm('json', 'http')) {
    this.head = head;
    this.form = form;
    this.separator = form.separator.charCodeAt(0);
    this.body_at = head.length + '4294967295\r\n\r\n'.length;
    this.bytes = Buffer.alloc(this.body_at + batch_events * EVENT_BYTES_USUAL + EVENT_BYTES_MAX + FRAME_BYTES_MAX);
  }

  /** Makes a request of the next `events` events; the bytes are valid until the next call. `seq` numbers it, where the form has numbers. */
  fill(events: EventWriter, count: number, seq = 0): Uint8Array {
    const { form, separator } = this;
    let at = this.body_at + this.bytes.write(form.opening(seq), this.body_at, 'latin1');
    for (let written = 0; written < count; written++) {
      if (written > 0) this.bytes[at++] = separator;
      this.makeRoom(at + EVENT_BYTES_MAX + FRAME_BYTES_MAX);
      at = events.write(this.bytes, at);
    }
    at += this.bytes.write(form.ending, at, 'latin1');
    if (form.encode !== undefined) return this.encoded(form.encode(this.bytes.subarray(this.body_at, at)));
    if (this.head === '') return this.bytes.subarray(this.body_at, at);
    const head = this.headFor(at - this.body_at);
    const head_at = this.body_at - head.length;
    this.bytes.write(head, head_at, 'latin1');
    return this.bytes.subarray(head_at, at);
  }

  private encoded(body: Uint8Array): Uint8Array {
    return this.head === '' ? body : Buffer.concat([Buffer.from(this.headFor(body.length), 'latin1'), body]);
  }

  private headFor(body_bytes: number): string {
    return `${this.head}${body_bytes}\r\n\r\n`;
  }

  private makeRoom(bytes: number): void {
    if (bytes <= this.bytes.length) return;
    const larger = Buffer.alloc(Math.ceil(bytes * 1.5));
    larger.set(this.bytes);
    this.bytes = larger;
  }
}

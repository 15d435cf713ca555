/**
 * One connection's request: a buffer that is filled again for every batch and holds its bytes until they are acknowledged,
 * so that a retry sends the same ones.
 *
 * The body begins at a fixed place; the head is written in front of it once its length is known, so that both are one write.
 */
import { EVENT_BYTES_MAX } from './event_template.ts';

/** What a batch is made of: writes the next event at `offset` and returns the offset after it. */
export interface EventWriter {
  write(into: Uint8Array, offset: number): number;
}

const BODY_OPENING = Buffer.from('{"events":[');
const BODY_ENDING = Buffer.from(']}');
const COMMA = 0x2c;
const EVENT_BYTES_USUAL = 300;

export class RequestBuffer {
  private readonly head: string;
  private readonly body_at: number;
  private bytes: Buffer;

  /** @param head the request's head as far as `Content-Length: `, to which the length is added */
  constructor(head: string, batch_events: number) {
    this.head = head;
    this.body_at = head.length + '4294967295\r\n\r\n'.length;
    this.bytes = Buffer.alloc(this.body_at + batch_events * EVENT_BYTES_USUAL + EVENT_BYTES_MAX);
  }

  /** Makes a request of the next `events` events; the bytes are valid until the next call. */
  fill(events: EventWriter, count: number): Uint8Array {
    this.bytes.set(BODY_OPENING, this.body_at);
    let at = this.body_at + BODY_OPENING.length;
    for (let written = 0; written < count; written++) {
      if (written > 0) this.bytes[at++] = COMMA;
      this.makeRoom(at + EVENT_BYTES_MAX + BODY_ENDING.length + 1);
      at = events.write(this.bytes, at);
    }
    this.bytes.set(BODY_ENDING, at);
    at += BODY_ENDING.length;
    const head = `${this.head}${at - this.body_at}\r\n\r\n`;
    const head_at = this.body_at - head.length;
    this.bytes.write(head, head_at, 'latin1');
    return this.bytes.subarray(head_at, at);
  }

  private makeRoom(bytes: number): void {
    if (bytes <= this.bytes.length) return;
    const larger = Buffer.alloc(Math.ceil(bytes * 1.5));
    larger.set(this.bytes);
    this.bytes = larger;
  }
}

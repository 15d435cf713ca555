/**
 * The text of a request with a JSON body, written once: only what stands for the names in braces differs from one to the next. So a
 * request costs little more than its bytes, and the generator leaves the cores to the daemon.
 */

/** ASCII that needs no escape, by name. */
type Values = Readonly<Record<string, string>>;

export class RequestTemplate {
  private readonly head: string;
  /** Text as it is, a name, text as it is, and so on, ending with text. */
  private readonly parts: readonly string[];

  /**
   * @param head the request line and headers, without `Content-Length`
   * @param event the body, in ASCII; `{name}` in a text of it stands for a value
   */
  constructor(head: readonly string[], event: object) {
    this.head = `${head.join('\r\n')}\r\nContent-Length: `;
    this.parts = JSON.stringify(event).split(/\{(\w+)\}/);
  }

  fill(values: Values): string {
    const { parts } = this;
    let body = parts[0];
    for (let index = 1; index < parts.length; index += 2) body += values[parts[index]] + parts[index + 1];
    return `${this.head}${body.length}\r\n\r\n${body}`;
  }
}

/** One connection's request: the bytes of a text, valid until the next one. */
export class RequestBytes {
  private bytes = Buffer.alloc(4096);

  /** @param text ASCII */
  of(text: string): Uint8Array {
    if (text.length > this.bytes.length) this.bytes = Buffer.alloc(2 * text.length);
    return this.bytes.subarray(0, this.bytes.write(text, 0, 'latin1'));
  }
}

/**
 * The text of a request with a JSON body, written once: only what stands for the names in braces differs from one to the next. So a
 * request costs little more than its bytes, and the generator leaves the cores to the daemon.
 */
import { assert } from '../../base/assert.ts';

/** ASCII that needs no escape, shorter than this, for each name of a template. */
type Values = readonly string[];
const VALUE_CHARACTERS_MAX = 63;

export class RequestTemplate {
  private readonly head: string;
  private readonly texts: readonly string[];
  /** Which value stands between a text and the one behind it. */
  readonly places: readonly number[];

  /**
   * @param head the request line and headers, without `Content-Length`
   * @param event the body, in ASCII; `{name}` in a text of it stands for a value
   * @param names in the order in which their values come
   */
  constructor(head: readonly string[], event: object, names: readonly string[]) {
    this.head = `${head.join('\r\n')}\r\nContent-Length: `;
    const parts = JSON.stringify(event).split(/\{(\w+)\}/);
    this.texts = parts.filter((_, index) => index % 2 === 0);
    this.places = parts.filter((_, index) => index % 2 === 1).map((name) => names.indexOf(name));
    assert(!this.places.includes(-1), 'BUG: a template has a name without a value');
  }

  /** The request, and where each place of it begins. */
  fill(values: Values): { readonly text: string; readonly starts: readonly number[] } {
    let body = this.texts[0];
    const starts = this.places.map((value, place) => {
      const start = body.length;
      body += values[value] + this.texts[place + 1];
      return start;
    });
    const head = `${this.head}${body.length}\r\n\r\n`;
    return { text: head + body, starts: starts.map((start) => head.length + start) };
  }
}

/** A request whose values can be exchanged for others of the same lengths. */
interface Prepared {
  readonly bytes: Uint8Array;
  readonly starts: readonly number[];
}

/** One connection's requests, each valid until the next one of its template. */
export class RequestBytes {
  private readonly prepared = new Map<RequestTemplate, Map<number, Prepared>>();

  /** At most eight values. */
  of(template: RequestTemplate, values: Values): Uint8Array {
    let by_lengths = this.prepared.get(template);
    if (by_lengths === undefined) {
      by_lengths = new Map();
      this.prepared.set(template, by_lengths);
    }
    const lengths = lengthsOf(values);
    const known = by_lengths.get(lengths);
    if (known !== undefined) return exchange(known, template.places, values);
    const { text, starts } = template.fill(values);
    const bytes = Buffer.from(text, 'latin1');
    by_lengths.set(lengths, { bytes, starts });
    return bytes;
  }
}

/** A number for all lengths: equal for equal ones, and for no others. */
function lengthsOf(values: Values): number {
  let lengths = 0;
  for (const { length } of values) {
    assert(length <= VALUE_CHARACTERS_MAX, 'BUG: the value of a template is too long');
    lengths = lengths * (VALUE_CHARACTERS_MAX + 1) + length;
  }
  return lengths;
}

function exchange({ bytes, starts }: Prepared, places: readonly number[], values: Values): Uint8Array {
  for (let place = 0; place < places.length; place++) {
    const value = values[places[place]];
    const start = starts[place];
    for (let at = 0; at < value.length; at++) bytes[start + at] = value.charCodeAt(at);
  }
  return bytes;
}

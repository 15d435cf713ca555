/**
 * Bodies as senders' libraries write them, which is what the kernel's short ways are for: no white space, the same keys in the same
 * order, few values, metadata of few shapes. Only now and then one thing is off, and mostly at a border of 16 bytes.
 */
import type { SeededRandom } from './seeded_random.ts';

const TYPES = ['download_complete', 'apply_success', 'rollback', 'crash_on_update'];
const FIELDS = ['app_version', 'bundle_label', 'platform', 'os_version', 'device_model'];
/** Every length around the borders of one, two and more loads, and of what a length of one byte can say. */
const LENGTHS = [0, 1, 7, 8, 9, 14, 15, 16, 17, 30, 31, 32, 33, 47, 48, 63, 64, 111, 112, 113, 126, 127, 128, 129, 255, 256, 257];
/** Each stands alone or in the middle of a text; the last of them are no JSON. */
const ODD_PIECES = ['é', '日', '😀', '\\n', '\\"', '\\\\', '\\u0041', '\\ud83d\\ude00', '\\ud800', '\u0000', '\u001f', '\\', '"', '\u007f'];
const NUMBERS = ['0', '7', '-1', '1234', '1.5', '-0.25', '0.000001', '123456789012345', '1234567890123456', '123456789012345678'];
const ODD_NUMBERS = [
  '01',
  '-',
  '-01',
  '1.',
  '.5',
  '1e5',
  '1E-2',
  '1.5e3',
  '12345678901234567890',
  '1.123456789012345678',
  '--1',
  '1-',
  '+1',
];
const WORDS = ['true', 'false', 'null'];
const ODD_WORDS = ['tru', 'truf', 'falsy', 'nul', 'nulll', 'True', ''];
/** `@` stands for a value. A key of 28 bytes is the longest that a piece of a shape can have. */
const SHAPES = [
  '{"download_ms":@,"retried":@}',
  '{"prev_label":@,"first_render_ms":@}',
  '{"a":@}',
  '{"a":@,"b":@}',
  '{"a":[@,@],"b":{"c":@}}',
  '{"a":{},"b":[],"c":@}',
  '{ "spaced" : @ , "more" : @ }',
  '{"é":@,"日本":@}',
  '{"kkkkkkkkkkkkkkkkkkkkkkkkkk":@,"kkkkkkkkkkkkkkkkkkkkkkkkkkk":@,"kkkkkkkkkkkkkkkkkkkkkkkkkkkk":@}',
  '{"1":@,"2":@,"3":@,"4":@,"5":@,"6":@,"7":@,"8":@}',
  '{"1":@,"2":@,"3":@,"4":@,"5":@,"6":@,"7":@,"8":@,"9":@}',
  '{}',
  ' {"a":@}',
  '{"a":@} ',
];
const BLANKS = ['', '', '', ' ', '\r', '\t  ', '\v'];
/** Lines that are no event, or one in an array, or that no parser should see. */
const ODD_LINES = [
  '',
  ' \r',
  '7',
  '[]',
  '{}',
  '{"a":',
  '1],"x":[2',
  '\ufeff{}',
  '{"a":1},{"a":1}',
  `${'['.repeat(600)}${']'.repeat(600)}`,
  `{${Array.from({ length: 1100 }, (_, index) => `"${index}":0`).join()}}`,
  `{${Array.from({ length: 1100 }, (_, index) => `"${index}":0`).join()}`,
];
const ODD_SHAPES = ['{"a":@,"a":@}', '{"a.b":@}', '{"a":@,}', '[@]', '@', '{"a":@}}', '{"a" @}', '{"\\u0061":@,"b":@}', ''];

export class LikelyBodies {
  /** Behind the colons and commas of the body in hand. */
  private space = '';

  constructor(private readonly random: SeededRandom) {}

  next(): Buffer {
    const { below } = this.random;
    this.space = this.isOneIn(4) ? ' ' : '';
    const events = Array.from({ length: 1 + below(12) }, () => this.event());
    const body = Buffer.from(`{"events":[${events.join(this.isOneIn(20) ? ' , ' : `,${this.space}`)}]}`);
    const kind = below(12);
    if (kind === 0) return body.subarray(0, below(body.length + 1));
    if (kind === 1) body[below(body.length)] = below(256);
    return body;
  }

  /** The same events on lines, blank ones among them. */
  nextLines(): Buffer {
    const { below, pick } = this.random;
    this.space = this.isOneIn(4) ? ' ' : '';
    const lines = Array.from({ length: 1 + below(12) }, () =>
      this.isOneIn(10) ? pick(ODD_LINES) : pick(BLANKS) + this.event() + pick(BLANKS),
    );
    const body = Buffer.from(lines.join('\n') + pick(['', '\n']));
    if (this.isOneIn(8)) body[below(body.length)] = below(256);
    return this.isOneIn(8) ? body.subarray(0, below(body.length + 1)) : body;
  }

  /** Once in so many. */
  private isOneIn(count: number): boolean {
    return this.random.below(count) === 0;
  }

  /** Mostly valid, and always on one line. */
  event(): string {
    const { below, pick } = this.random;
    const space = this.isOneIn(40) ? pick(['', ' ', '  ']) : this.space;
    const member = (key: string, value: string): string => `"${key}":${space}${value}`;
    const members = [member('event_type', `"${pick(TYPES)}"`), member('release_id', this.value(24)), member('distinct_id', this.value(24))];
    for (const field of FIELDS) if (!this.isOneIn(8)) members.push(member(field, this.value(12)));
    if (!this.isOneIn(8)) members.push(member('metadata', this.metadata()));
    if (this.isOneIn(3)) members.splice(this.isOneIn(4) ? below(members.length) : members.length, 0, member('event_id', this.name()));
    if (this.isOneIn(20)) members.splice(below(members.length), 1);
    if (this.isOneIn(20)) members.splice(below(members.length), 0, pick(members));
    if (this.isOneIn(20)) members.splice(below(members.length), 0, member('unknown', this.jsonValue(2)));
    if (this.isOneIn(10)) members.sort(() => below(3) - 1);
    const separator = this.isOneIn(30) ? pick([' ,', ', ', ',,', '', ',  ']) : `,${this.space}`;
    return `{${members.join(separator)}}`;
  }

  /** The value of a field: mostly one of a few texts with a common beginning. */
  private value(one_odd_in: number): string {
    const { below, pick } = this.random;
    if (!this.isOneIn(one_odd_in)) return `"${pick(['', 'v', 'iPhone 15 Pro ', 'a text of 31 bytes with a num '])}${below(4)}"`;
    if (this.isOneIn(6)) return pick(['null', '7', 'true', '{}', '[]', '"', '', 'nul']);
    return `"${this.text()}"`;
  }

  /** Of an event: mostly a text, now and then one that another event has. */
  private name(): string {
    const { below } = this.random;
    if (this.isOneIn(6)) return this.isOneIn(2) ? this.value(2) : this.jsonValue(4);
    return this.isOneIn(4) ? `"${below(9)}"` : `"0f8fad5b-d9cd-469f-a165-${String(below(1e12)).padStart(12, '0')}"`;
  }

  private text(): string {
    const { below, pick } = this.random;
    const text = 'x'.repeat(pick(LENGTHS));
    if (this.isOneIn(2)) return text;
    const at = below(text.length + 1);
    return text.slice(0, at) + pick(ODD_PIECES) + text.slice(at);
  }

  private metadata(): string {
    const { pick } = this.random;
    const shape = this.isOneIn(12) ? pick(ODD_SHAPES) : pick(SHAPES);
    const json = shape.replaceAll('@', () => this.jsonValue(16));
    if (this.isOneIn(3)) return json;
    const escaped = json.replaceAll('\\', '\\\\').replaceAll('"', '\\"');
    return this.isOneIn(16) ? `"${escaped}` : `"${escaped}"`;
  }

  private jsonValue(one_odd_in: number): string {
    const { pick } = this.random;
    const is_odd = this.isOneIn(one_odd_in);
    const kind = this.random.below(3);
    if (kind === 0) return is_odd ? pick(ODD_NUMBERS) : pick(NUMBERS);
    if (kind === 1) return is_odd ? pick(ODD_WORDS) : pick(WORDS);
    return `"${is_odd ? this.text() : pick(['', 'x', '5.3.0', 'kill_switch', 'a longer text than sixteen bytes', 'é日😀'])}"`;
  }
}

/** Bodies for comparing two ways of reading them: valid, nearly valid and hostile ones, and damaged bytes of each. */
import type { SeededRandom } from './seeded_random.ts';

const SPACES = ['', '', '', '', '', ' ', '\n', '\t ', '\r\n', ' '.repeat(17)];
const TEXTS = [
  '',
  'a',
  'device_1',
  '1.2.0',
  'é',
  '日本語',
  '😀',
  '\\n',
  '\\"',
  '\\\\',
  '\\/',
  '\\u0000',
  '\\u00e9',
  '\\ud83d\\ude00',
  '\\u0041',
];
const ODD_TEXTS = ['\\ud800', '\\udc00\\ud800', '\\x', '\\u12g4', '\u0001', '\n', '"', '\\', '\ufeff', '__proto__', 'events', '\\u0065'];
const SCALARS = ['0', '-1', '1.5', '-0.25', '12345678901234567', '123456789012345678', 'true', 'false', 'null'];
const ODD_SCALARS = [
  '01',
  '1.',
  '.5',
  '+1',
  '1e5',
  '1e400',
  '18446744073709551616',
  '-',
  'tru',
  'nulL',
  'NaN',
  '',
  '1234567890123456789',
  '9.9e99',
];
const FIELDS = ['app_version', 'bundle_label', 'platform', 'os_version', 'device_model'];
const TYPES = ['download_complete', 'apply_success', 'rollback', 'crash_on_update'];
const KEYS = [
  'a',
  'b',
  'c',
  'a.b',
  'first_render_ms',
  'é',
  '',
  'k'.repeat(15),
  'k'.repeat(16),
  'k'.repeat(17),
  '__proto__',
  'toString',
  '\\u0061',
  '7',
];
const LENGTHS = [15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 255, 256, 257, 300, 1023, 1024, 1025];
const DAMAGE = [0x00, 0x1f, 0x20, 0x22, 0x2c, 0x3a, 0x5b, 0x5c, 0x5d, 0x7b, 0x7d, 0x7f, 0x80, 0xc0, 0xe2, 0xff];

export class HostileBodies {
  /** Of 100, how many choices are odd ones: from wholly valid bodies to ones where nothing is as it should be. */
  private oddness = 0;

  constructor(private readonly random: SeededRandom) {}

  next(): Buffer {
    const { below, pick } = this.random;
    this.oddness = pick([0, 0, 0, 2, 2, 5, 20]);
    const body = Buffer.from(this.body());
    const kind = below(10);
    if (kind === 0) return body.subarray(0, below(body.length + 1));
    if (kind > 2) return body;
    for (let count = below(3); count >= 0 && body.length > 0; count--)
      body[below(body.length)] = below(2) === 0 ? pick(DAMAGE) : below(256);
    return body;
  }

  private isOdd(): boolean {
    return this.random.below(100) < this.oddness;
  }

  private space(): string {
    return this.random.pick(SPACES);
  }

  private list(count: number, item: () => string): string {
    const items = Array.from({ length: count }, () => this.space() + item() + this.space());
    return items.join(this.isOdd() ? this.random.pick([',,', ' ', ';', ',']) : ',');
  }

  private body(): string {
    const { below } = this.random;
    const events = (): string => `"${this.isOdd() ? 'event\\u0073' : 'events'}"${this.colon()}[${this.list(below(6), () => this.event())}]`;
    const other = (): string => `${this.text()}${this.colon()}${this.value(1)}`;
    const members = [...Array.from({ length: below(3) === 0 ? below(3) : 0 }, other)];
    if (!this.isOdd()) members.splice(below(members.length + 1), 0, events());
    if (this.isOdd()) members.push(events());
    const text = `${this.space()}{${this.space()}${members.join(`${this.space()},${this.space()}`)}${this.space()}}${this.space()}`;
    return this.isOdd() ? this.random.pick([`[${text}]`, `${text}x`, `${text}${text}`, `\ufeff${text}`]) : text;
  }

  private colon(): string {
    return `${this.space()}:${this.space()}`;
  }

  private text(): string {
    const { below, pick } = this.random;
    if (below(8) === 0) return `"${pick(['x', 'é', '😀', '\\n']).repeat(pick(LENGTHS))}"`;
    return `"${Array.from({ length: below(4) }, () => (this.isOdd() ? pick(ODD_TEXTS) : pick(TEXTS))).join('')}"`;
  }

  private value(depth: number): string {
    const { below, pick } = this.random;
    const kind = below(depth > 4 ? 2 : 4);
    if (kind === 0) return this.isOdd() ? pick(ODD_SCALARS) : pick(SCALARS);
    if (kind === 1) return this.text();
    if (this.isOdd() && below(8) === 0) return '['.repeat(below(80)) + ']'.repeat(below(80));
    return kind === 2 ? `[${this.space()}${this.list(below(4), () => this.value(depth + 1))}]` : this.object(depth);
  }

  private object(depth: number): string {
    const { below, pick } = this.random;
    let index = 0;
    // A wide object in a wide one, and so on, would make bodies of a quarter of a megabyte that try nothing new.
    const most = pick(depth > 2 ? [4] : [4, 4, 4, 60]);
    const key = (): string => (below(5) === 0 ? pick(KEYS) : `key_${index++}`);
    return `{${this.space()}${this.list(below(most), () => `"${key()}"${this.colon()}${this.value(depth + 1)}`)}}`;
  }

  private metadata(): string {
    const { below } = this.random;
    const kind = below(4);
    if (kind === 0) return this.value(2);
    return kind === 1 ? this.object(2) : JSON.stringify(this.space() + this.object(2) + this.space());
  }

  private event(): string {
    const { below, pick } = this.random;
    if (this.isOdd()) return this.value(2);
    const required = (): string => (this.isOdd() ? this.value(3) : `"d${below(9)}${pick(TEXTS)}${pick(TEXTS)}"`);
    const members = [
      `"event_type"${this.colon()}${this.isOdd() ? this.text() : `"${pick(TYPES)}"`}`,
      `"release_id"${this.colon()}${required()}`,
    ];
    if (!this.isOdd()) members.push(`"distinct_id"${this.colon()}${below(6) === 0 ? this.text() : required()}`);
    for (const field of FIELDS) {
      if (below(2) === 0) members.push(`"${field}"${this.colon()}${this.isOdd() ? this.value(3) : pick([this.text(), 'null'])}`);
    }
    if (below(2) === 0) members.push(`"metadata"${this.colon()}${this.metadata()}`);
    if (below(4) === 0) members.push(`"${pick(KEYS)}"${this.colon()}${this.value(3)}`);
    if (below(20) === 0) members.push(`"event_id"${this.colon()}${this.value(4)}`);
    if (this.isOdd()) members.push(pick(members), `"platfor\\u006d":"x"`);
    if (below(3) === 0) members.sort(() => below(3) - 1);
    return `{${this.space()}${members.join(`${this.space()},${this.space()}`)}${this.space()}}`;
  }
}

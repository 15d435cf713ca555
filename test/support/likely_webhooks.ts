/** Bodies of webhooks for the fuzz test: the documented examples with one thing or several changed in their values, or in their text. */
import { seededRandom } from './seeded_random.ts';
import { exampleWebhooks } from './webhooks.ts';

type Random = ReturnType<typeof seededRandom>;

/** Values to put in a value's place. */
const VALUES: readonly unknown[] = [
  '',
  'x',
  'high',
  'crash',
  'issue.created',
  'é😀',
  'a "quoted" \\ text\n',
  '$0',
  's',
  'text that is longer than any word that a schema lists',
  0,
  -1.5,
  1e300,
  9_007_199_254_740_991,
  true,
  false,
  null,
  [],
  {},
  ['s', 's'],
  { 'a.b': 1 },
  { a: 1, s: 's' },
];

/** Texts to write into a body. */
const PIECES = [
  ' ',
  '\n',
  ',',
  '"',
  '\\',
  '}',
  ']',
  ':',
  's',
  '0',
  '1e5',
  '\\u0041',
  '\\ud800',
  '\u0000',
  '\ufeff',
  '"id":"twice",',
  '"payload":{},',
];

export class WebhookBodies {
  private readonly random: Random;
  private readonly examples = exampleWebhooks().map(({ body }) => body);
  private previous = '';

  constructor(seed: number) {
    this.random = seededRandom(seed);
  }

  /** Half of them are the one before with something changed. */
  next(): Buffer {
    const { below, pick } = this.random;
    const base = this.previous !== '' && below(2) === 0 ? this.previous : pick(this.examples);
    const text = this.changed(base);
    const is_json = this.tryParse(text) !== undefined;
    this.previous = is_json ? text : '';
    const bytes = Buffer.from(text);
    if (below(40) === 0) bytes[below(bytes.length)] = below(256);
    return bytes;
  }

  private changed(text: string): string {
    const { below, pick } = this.random;
    switch (below(6)) {
      case 0:
        return text;
      case 1: {
        const at = below(text.length);
        return text.slice(0, at) + pick(PIECES) + text.slice(at + below(2));
      }
      case 2:
        return this.disguised(text);
      default: {
        const value = this.tryParse(text);
        if (value === undefined) return text;
        const changed = this.changedValue(value, 1 + below(3));
        return JSON.stringify(changed, null, below(4) === 0 ? 1 : 0);
      }
    }
  }

  private tryParse(text: string): unknown {
    try {
      return JSON.parse(text);
    } catch {
      return undefined;
    }
  }

  /** The same text with a character of it written as an escape. */
  private disguised(text: string): string {
    const letters = [...text.matchAll(/[a-z]/g)];
    const letter = letters[this.random.below(letters.length)];
    if (letter === undefined) return text;
    const code = letter[0].charCodeAt(0).toString(16).padStart(4, '0');
    return `${text.slice(0, letter.index)}\\u${code}${text.slice(letter.index + 1)}`;
  }

  /** Changes something at the end of a random way into the value, the longer the deeper. */
  private changedValue(value: unknown, patience: number): unknown {
    const { below, pick } = this.random;
    if (typeof value !== 'object' || value === null || Object.keys(value).length === 0) return pick(VALUES);
    if (Array.isArray(value)) return value.map((element, index) => (index === 0 ? this.changedValue(element, patience) : element));
    const entries: [string, unknown][] = Object.entries(value);
    const at = below(entries.length);
    const [key, member] = entries[at];
    const is_inner = typeof member === 'object' && below(4) > 0;
    if (is_inner) entries[at] = [key, this.changedValue(member, patience)];
    else this.changeEntries(entries, at);
    const changed = Object.fromEntries(entries);
    return patience > 1 && below(2) === 0 ? this.changedValue(changed, patience - 1) : changed;
  }

  /** Takes the member at `at` away, puts it there once more under another name, or gives it another value. */
  private changeEntries(entries: [string, unknown][], at: number): void {
    const { below, pick } = this.random;
    const [key, member] = entries[at];
    const way = below(8);
    if (way === 0) entries.splice(at, 1);
    else if (way === 1) entries.splice(at, 0, [pick(['s', 'a.b', 'é', '0', `${key}_too`]), member]);
    else entries[at] = [key, pick(VALUES)];
  }
}

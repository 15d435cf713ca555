/** The colours of the page's style sheet, held to what people with weak eyes need. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

const SHEET = readFileSync(new URL('../../../../../src/ops/page/static/page.css', import.meta.url), 'utf8');
const TEXT_CONTRAST_MIN = 4.5;
const LINE_CONTRAST_MIN = 3;

const TEXTS: readonly (readonly [text: string, ground: string])[] = [
  ...['ground', 'panel', 'good-ground', 'watch-ground', 'bad-ground'].map((ground): [string, string] => ['text', ground]),
  ...['quiet', 'link', 'bad', 'good', 'watch'].flatMap((text): [string, string][] => [
    [text, 'ground'],
    [text, 'panel'],
  ]),
  ['good', 'good-ground'],
  ['watch', 'watch-ground'],
  ['bad', 'bad-ground'],
];

function palettes(): Map<string, string>[] {
  const blocks = [...SHEET.matchAll(/:root \{([^}]*)\}/g)].map(([, block = '']) => block);
  return blocks.map(
    (block) => new Map([...block.matchAll(/--([a-z0-9-]+): (#[0-9a-f]{6})/g)].map(([, name = '', value = '']) => [name, value])),
  );
}

/** Of WCAG 2. */
function contrast(first = '', second = ''): number {
  const [light = 0, dark = 0] = [luminance(first), luminance(second)].sort((left, right) => right - left);
  return (light + 0.05) / (dark + 0.05);
}

function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

test('text and lines stand out from their ground, in the light and in the dark', () => {
  const both = palettes();
  assert.equal(both.length, 2);
  for (const [position, palette] of both.entries()) {
    const check = (what: string, ground: string, least: number): void => {
      const found = contrast(palette.get(what), palette.get(ground));
      assert.ok(found >= least, `palette ${position}: ${what} on ${ground} has ${found.toFixed(2)}`);
    };
    for (const [text, ground] of TEXTS) check(text, ground, TEXT_CONTRAST_MIN);
    for (const number of [1, 2, 3, 4, 5]) check(`series-${number}`, 'panel', LINE_CONTRAST_MIN);
  }
});

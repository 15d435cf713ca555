/** The rules of the house that a compiler and a linter do not know. docs/ARCHITECTURE.md has the table in words. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));
const LINES_MAX = 300;

/** Which areas an area may import from, besides itself. Imports point toward types; stages meet in compose.ts only. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  base: [],
  contract: ['base'],
  kernel: ['base', 'contract'],
  config: ['base', 'contract'],
  sources: ['base', 'contract'],
  clickhouse: ['base', 'contract'],
  ops: ['base', 'contract'],
  read: ['base', 'contract', 'clickhouse'],
  registry: ['base', 'contract'],
  openapi: ['base', 'contract'],
  bundle: ['base'],
  'pipeline/front': ['base', 'contract'],
  'pipeline/admission': ['base', 'contract'],
  'pipeline/dispatch': ['base', 'contract'],
  'pipeline/uploads': ['base', 'contract'],
  'pipeline/worker': ['base', 'contract', 'sources', 'kernel'],
  'pipeline/spool': ['base', 'contract'],
  'pipeline/delivery': ['base', 'contract', 'clickhouse'],
  schemas: ['base', 'config', 'sources', 'pipeline/admission'],
  cli: ['base', 'contract', 'config', 'sources', 'clickhouse', 'pipeline/admission', 'pipeline/spool', 'compose.ts'],
  'main.ts': ['base', 'cli'],
};
/** The only wiring. */
const MAY_IMPORT_ALL = ['compose.ts', 'compose'];

function filesUnder(directory: string, ending: string): string[] {
  return readdirSync(join(REPOSITORY, directory), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(ending))
    .map((entry) => relative(REPOSITORY, join(entry.parentPath, entry.name)));
}

function textOf(path: string): string {
  return readFileSync(join(REPOSITORY, path), 'utf8');
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');
}

/** `src/pipeline/spool/record.ts` is of the area `pipeline/spool`, `src/base/varint.ts` of `base`. */
function areaOf(path: string): string {
  const [, first = '', second = ''] = path.split('/');
  return first === 'pipeline' ? `${first}/${second}` : first;
}

function importsOf(path: string): string[] {
  const specifiers = [...textOf(path).matchAll(/(?:from|import\()\s*'(\.[^']+)'/g)].map(([, specifier = '']) => specifier);
  return specifiers.map((specifier) => relative(REPOSITORY, join(REPOSITORY, dirname(path), specifier)));
}

const SOURCE_FILES = filesUnder('src', '.ts').filter((path) => !path.endsWith('.d.ts') && !path.startsWith('src/kernel/assembly/'));
const ALL_FILES = [...SOURCE_FILES, ...filesUnder('test', '.ts'), ...filesUnder('bench', '.ts')];

test('imports point toward types, and stages meet only in compose.ts', () => {
  const breaches = SOURCE_FILES.flatMap((path) => {
    const area = areaOf(path);
    if (MAY_IMPORT_ALL.includes(area)) return [];
    const allowed = ALLOWED[area];
    assert.ok(allowed, `${path} is in no area that this test knows`);
    return importsOf(path)
      .filter((imported) => areaOf(imported) !== area && !allowed.includes(areaOf(imported)))
      .map((imported) => `${path} imports ${imported}`);
  });
  assert.deepEqual(breaches, []);
});

test('a source imports nothing of another source', () => {
  const folder_of = (path: string): string => path.split('/')[2] ?? '';
  const breaches = SOURCE_FILES.filter((path) => path.startsWith('src/sources/') && path !== 'src/sources/list.ts').flatMap((path) =>
    importsOf(path).filter((imported) => imported.startsWith('src/sources/') && folder_of(imported) !== folder_of(path)),
  );
  assert.deepEqual(breaches, []);
});

test('sources and workers do no I/O', () => {
  const io = /from '(node:(fs|net|http|https|child_process|dgram|tls)[^']*|@clickhouse\/client|piscina)'/;
  const pure = SOURCE_FILES.filter((path) => /^src\/(sources|pipeline\/worker)\//.test(path) && !path.endsWith('worker/worker.ts'));
  assert.deepEqual(
    pure.filter((path) => io.test(textOf(path))),
    [],
  );
});

test('the environment is read in main.ts and nowhere else', () => {
  assert.deepEqual(
    SOURCE_FILES.filter((path) => textOf(path).includes('process.env') && path !== 'src/main.ts'),
    [],
  );
});

test(`no file is longer than ${LINES_MAX} lines`, () => {
  const lines = (path: string): number => textOf(path).split('\n').length;
  assert.deepEqual(
    ALL_FILES.filter((path) => lines(path) > LINES_MAX).map((path) => `${path}: ${lines(path)}`),
    [],
  );
});

test('every source file begins by saying what it is', () => {
  assert.deepEqual(
    SOURCE_FILES.filter((path) => !/^(#!.*\n)?\/\*\*/.test(textOf(path))),
    [],
  );
});

/** What a machine may lack, so that tests of it say so and are counted as skipped; nothing else ever is. */
const MAY_SKIP = /\bskip: (NEEDS_[A-Z]+|process\.platform !== 'linux')(?=[ ,])|\bcontext\.skip\('this user may not mount/g;

test('no test is skipped but for what the machine lacks', () => {
  const skips = /\bskip:|[{,] *skip *[,}]|\.skip\(|\bonly: true|\btodo:/;
  const tests = ALL_FILES.filter((path) => path.startsWith('test/') && path !== 'test/tidy.test.ts');
  assert.deepEqual(
    tests.filter((path) => skips.test(withoutComments(textOf(path)).replaceAll(MAY_SKIP, ''))),
    [],
  );
});

test('no test is skipped or focused, no type is silenced', () => {
  const silenced = /\b(test|it|describe)\.(only|skip|todo)\(|\bas any\b|@ts-(ignore|nocheck|expect-error)|: any\b/;
  assert.deepEqual(
    ALL_FILES.filter((path) => path !== 'test/tidy.test.ts' && silenced.test(withoutComments(textOf(path)))),
    [],
  );
});

test('a function fits on a screen', () => {
  const LONGEST = 70;
  const breaches: string[] = [];
  for (const path of SOURCE_FILES) {
    const lines = textOf(path).split('\n');
    for (const [index, line] of lines.entries()) {
      const indent = /^( *)(export )?(default )?(async )?(function|private|protected|public|static|constructor|[a-zA-Z#]+\()/.exec(
        line,
      )?.[1];
      if (indent === undefined || !line.endsWith('{') || /\b(class|interface)\b/.test(line)) continue;
      const end = lines.indexOf(`${indent}}`, index);
      if (end - index > LONGEST) breaches.push(`${path}:${index + 1}: ${end - index} lines`);
    }
  }
  assert.deepEqual(breaches, []);
});

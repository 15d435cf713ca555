import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { Kernel } from '../../../src/kernel/kernel.ts';
import '../../../src/pipeline/admission/key_record.ts';
import '../../../src/pipeline/admission/quota_book.ts';
import { SlabProcessor } from '../../../src/pipeline/worker/slab_processor.ts';
import { SOURCES } from '../../../src/sources/list.ts';
import { loadGiven } from '../config/loading.ts';

test('a start compiles no schema and parses no defaults: the build has done it for all that the daemon and its workers ask for', async () => {
  assert.ok(await loadGiven());
  assert.ok(new SlabProcessor(SOURCES, new Kernel()));
  const loaded = Object.keys(createRequire(import.meta.url).cache);
  assert.ok(loaded.some((path) => path.endsWith('.cjs')));
  assert.deepEqual(
    loaded.filter((path) => path.endsWith('ajv/dist/ajv.js') || path.includes('node_modules/yaml/')),
    [],
  );
});

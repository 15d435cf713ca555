/** What every source must keep, whatever it is a source of. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ERROR_CODES } from '../../src/contract/errors.ts';
import { SOURCES } from '../../src/sources/list.ts';
import { blockRows } from '../support/block_rows.ts';
import { createProcessor, createSlab, outcomes, RECEIVED_AT_MS, TENANT } from '../support/slabs.ts';

const processor = createProcessor();

for (const source of SOURCES) {
  test(`${source.name}: every sample has the counts that it says`, () => {
    const slab = createSlab(
      source.samples.map((sample) => Buffer.from(sample.body)),
      { source, route_of: (index) => source.samples[index].route ?? 0 },
    );
    const expected = source.samples.map(({ accepted, rejected }) => ({ accepted, rejected }));
    assert.deepEqual(outcomes(slab, processor.process(slab)), expected);
  });

  for (const sample of source.samples) {
    test(`${source.name}: ${sample.name}: each accepted event is one row with its tenant, its time of receipt and an identity`, () => {
      const result = processor.process(createSlab([Buffer.from(sample.body)], { source, route_of: () => sample.route ?? 0 }));
      const rows = source.tables.flatMap((table) => blockRows(table, result));
      assert.equal(rows.length, sample.accepted);
      for (const row of rows) {
        const { organization_id, project_id, environment } = row;
        assert.deepEqual({ organization_id, project_id, environment }, TENANT);
        assert.match(String(row['event_id']), /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
        assert.ok(Object.values(row).includes(RECEIVED_AT_MS));
      }
      assert.equal(new Set(rows.map((row) => row['event_id'])).size, rows.length);
    });
  }

  test(`${source.name}: the same slab gives the same bytes, and leaves nothing behind for the next`, () => {
    const bodies = source.samples.map((sample) => Buffer.from(sample.body));
    const process = (): Buffer => {
      const { output, blocks } = processor.process(createSlab(bodies, { source }));
      const bytes = blocks.reduce((sum, block) => sum + block.bytes, 0);
      return Buffer.from(output, 0, bytes);
    };
    assert.deepEqual(process(), process());
  });

  test(`${source.name}: a body that is no JSON, no object, or hostile, fails alone and with a code`, () => {
    const hostile = [
      '',
      '{',
      'nonsense',
      '5',
      'null',
      '"text"',
      '[]',
      '[{}]',
      '\u0000',
      '{}'.repeat(2),
      '['.repeat(100_000),
      '{"a":'.repeat(100_000),
    ];
    const good = source.samples[0];
    const bodies = [...hostile, good.body].map((text) => Buffer.from(text));
    const slab = createSlab([...bodies, Buffer.from([0x7b, 0xff, 0xfe, 0x7d])], { source });
    const results = outcomes(slab, processor.process(slab));
    for (const [index, outcome] of results.entries()) {
      if (index === hostile.length) assert.deepEqual(outcome, { accepted: good.accepted, rejected: good.rejected });
      else assert.ok('failed' in outcome && ERROR_CODES.some((code) => code === outcome.failed), `${bodies[index] ?? 'invalid UTF-8'}`);
    }
  });

  test(`${source.name}: its tables have what every table must have, and their DDL can be run twice`, () => {
    for (const table of source.tables) {
      const names = table.columns.map((column) => column.name);
      for (const name of ['organization_id', 'project_id', 'environment', 'event_id'])
        assert.ok(names.includes(name), `${table.name}.${name}`);
    }
    // Setting a setting and materialising a projection or a column are the same the second time.
    for (const { migrations } of [...source.tables, ...(source.views ?? [])])
      for (const statement of migrations)
        assert.match(statement, /IF (NOT )?EXISTS|OR REPLACE|MODIFY SETTING|MATERIALIZE (PROJECTION|COLUMN)/);
  });

  test(`${source.name}: its routes are paths, and no two are the same`, () => {
    const paths = SOURCES.flatMap((each) => each.routes.map((route) => route.path));
    assert.equal(new Set(paths).size, paths.length);
    for (const route of source.routes) assert.match(route.path, /^\/[a-z0-9/-]+$/);
  });
}

for (const table of SOURCES.flatMap((source) => source.tables)) {
  test(`${table.name}: rows expire by the column that the table is partitioned by, and rows of no month never do`, () => {
    const partition_column = /PARTITION BY toYYYYMM\(`([^`]+)`\)/.exec(table.migrations[0] ?? '')?.[1];
    // Absent: its rows are kept for ever.
    if (table.expires_by !== undefined) assert.equal(table.expires_by, partition_column);
  });
}

/** One body read by the kernel alone, as `KernelPath` would, by a host that accepts none of the events that are left to it. */
import assert from 'node:assert/strict';
import type { JsonSchema } from '../../src/contract/source.ts';
import type { BodyResult } from '../../src/kernel/body_reader.ts';
import { Kernel } from '../../src/kernel/kernel.ts';
import { compileProgram } from '../../src/kernel/program.ts';
import { BlockBuilder } from '../../src/pipeline/worker/block_builder.ts';
import { DEPLOY_REPORT } from '../../src/sources/deploy_report/source.ts';

const REQUEST = {
  texts: ['org', 'project', 'live'],
  seed: Uint32Array.of(1, 2, 3, 4),
  name_seed: Uint32Array.of(5, 6, 7, 8),
  received_at_ms: 0,
};

export interface Reading {
  readonly result: BodyResult;
  readonly rows: number;
  /** The events, or lines, that the kernel leaves to the host. */
  readonly left: readonly string[];
}

export class KernelReader {
  private readonly kernel = new Kernel();
  private readonly builder: BlockBuilder;
  private readonly program: { address(): number };

  constructor(
    private readonly event_bytes_max: number,
    schema: JsonSchema = DEPLOY_REPORT.schema,
  ) {
    const { plan, tables } = DEPLOY_REPORT;
    const [table] = tables;
    assert.ok(plan);
    this.builder = new BlockBuilder(table, this.kernel.columns);
    const program = compileProgram(schema, plan, table, this.builder.first_column);
    assert.ok(program);
    this.program = this.kernel.bodies.install(program);
  }

  read(body: string, way: 'read' | 'readLines' = 'read'): Reading {
    const { kernel } = this;
    const bytes = Buffer.from(body);
    assert.ok(kernel.load(bytes) && kernel.bodies.beginRequest(REQUEST, bytes.length));
    let result = kernel.bodies[way](this.program.address(), { offset: 0, length: bytes.length }, this.event_bytes_max, true);
    const left: string[] = [];
    while (result === 'element') {
      kernel.takeElement();
      left.push(bytes.toString('utf8', kernel.elementStart(0), kernel.elementEnd(0)));
      result = kernel.bodies.resume();
    }
    return { result, rows: kernel.bodies.rows(), left };
  }

  /** The columns' data of the body that was read last. */
  columns(): Buffer {
    const finished = this.kernel.columns.finish(this.builder.first_column, DEPLOY_REPORT.tables[0].columns.length);
    assert.ok(finished);
    const data = Buffer.alloc(finished.bytes);
    finished.copyTo(data, 0);
    return data;
  }
}

/**
 * The worker's one function: a slab's bytes become blocks and outcomes. It keeps memory between slabs, but no knowledge: what
 * it answers depends on the task alone, so that a worker that dies takes nothing with it.
 */
import { assert } from '../../base/assert.ts';
import { SLAB_ENTRY_BYTES, type SlabResult, SlabTable, type SlabTask } from '../../contract/slab.ts';
import type { Decoder, DecoderTools, RejectionReason, Source } from '../../contract/source.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import { BlockBuilder } from './block_builder.ts';
import { Identities } from './identity.ts';
import { JsonBatches } from './json_batch.ts';
import { fitsJsonColumn } from './json_guard.ts';
import { compileValidator, createAjv } from './validator.ts';

/** What one source needs in this worker. */
interface Workbench {
  readonly decoder: Decoder;
  readonly builders: readonly BlockBuilder[];
  /** Rejected events of the slab in hand. */
  readonly rejected: Map<RejectionReason, number>;
}

export class SlabProcessor {
  private readonly batches: JsonBatches;
  private readonly identities: Identities;
  private readonly workbenches: readonly Workbench[];
  private event_bytes_max = 0;

  constructor(
    private readonly sources: readonly Source[],
    private readonly kernel: Kernel,
  ) {
    this.batches = new JsonBatches(kernel);
    this.identities = new Identities(kernel);
    this.workbenches = sources.map((source) => this.createWorkbench(source));
  }

  process(task: SlabTask): SlabResult {
    const workbench = this.workbenches[task.source];
    assert(workbench !== undefined, 'BUG: a slab names a source that does not exist');
    const table = new SlabTable(task.buffer, task.requests_max);
    const slab = Buffer.from(task.buffer, 0, task.bytes);
    this.event_bytes_max = task.event_bytes_max;
    const has_memory = this.kernel.load(slab);
    this.batches.begin(slab);
    let received = 0;
    for (let index = 0; index < task.requests; index++) {
      if (has_memory) received += this.processRequest(task, table, index, workbench.decoder);
      else table.setFailure(index, 'overloaded');
    }
    return this.finish(task, workbench, received);
  }

  /** Writes the request's outcome into the table, and returns how many events it had. */
  private processRequest(task: SlabTask, table: SlabTable, index: number, decoder: Decoder): number {
    const tenant = task.tenants[table.tenant(index)];
    assert(tenant !== undefined, 'BUG: a request names a tenant that its slab does not have');
    const offset = table.offset(index);
    assert(offset >= task.requests_max * SLAB_ENTRY_BYTES, 'BUG: a body lies in the table of its slab');
    const request = { offset, length: table.length(index), tenant, received_at_ms: table.receivedAtMs(index) };
    const result = decoder.decode(request);
    if (result.kind === 'failed') {
      table.setFailure(index, result.code);
      return 0;
    }
    table.setCounts(index, result.accepted, result.rejected);
    return result.accepted + result.rejected;
  }

  private finish(task: SlabTask, workbench: Workbench, received: number): SlabResult {
    const rejected = Object.fromEntries(workbench.rejected);
    const rejected_events = [...workbench.rejected.values()].reduce((sum, count) => sum + count, 0);
    const accounts = { source: this.sources[task.source].name, received, accepted: received - rejected_events, rejected };
    const filled = workbench.builders.filter((builder) => builder.rowCount() > 0);
    const finished = filled.map((builder) => ({ builder, block: builder.finish(accounts) }));
    const bytes_needed = finished.reduce((sum, { block }) => sum + block.bytes, 0);
    const output = task.output.byteLength >= bytes_needed ? task.output : new SharedArrayBuffer(2 ** Math.ceil(Math.log2(bytes_needed)));
    const target = new Uint8Array(output);
    let offset = 0;
    const blocks = finished.map(({ builder, block }) => {
      block.copyTo(target, offset);
      const placed = { table: builder.table, offset, bytes: block.bytes, rows: builder.rowCount() };
      offset += block.bytes;
      return placed;
    });
    for (const builder of workbench.builders) builder.reset();
    workbench.rejected.clear();
    return { output, blocks, rejected };
  }

  private createWorkbench(source: Source): Workbench {
    const ajv = createAjv();
    const builders = new Map(source.tables.map((table) => [table.name, new BlockBuilder(table)]));
    const rejected = new Map<RejectionReason, number>();
    const tools: DecoderTools = {
      eventBytesMax: () => this.event_bytes_max,
      compile: (schema) => compileValidator(ajv, schema),
      parseBatch: (request, member) => {
        const problem = this.batches.parse(request, member);
        if (problem !== undefined) return problem;
        this.identities.begin(this.batches.values.length);
        return this.batches;
      },
      fitsJsonColumn,
      identity: this.identities,
      rows: (table) => {
        const builder = builders.get(table);
        assert(builder !== undefined, `BUG: the source ${source.name} writes to ${table}, which is not among its tables`);
        return builder;
      },
      reject: (reason) => rejected.set(reason, (rejected.get(reason) ?? 0) + 1),
    };
    return { decoder: source.createDecoder(tools), builders: [...builders.values()], rejected };
  }
}

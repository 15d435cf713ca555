/**
 * The worker's one function: a slab's bytes become blocks and outcomes. It keeps memory between slabs, but no knowledge: what
 * it answers depends on the task alone, so that a worker that dies takes nothing with it.
 */
import { assert } from '../../base/assert.ts';
import { type SingleOutcome, type SlabResult, SlabTable, type SlabTask } from '../../contract/slab.ts';
import type {
  BatchSource,
  DecodeResult,
  Decoder,
  DecoderRequest,
  DecoderTools,
  RejectionReason,
  SingleSource,
  Source,
} from '../../contract/source.ts';
import { WHOLE_BODY_BYTES_MAX } from '../../contract/upload.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import { BlockBuilder, type FinishedBlock } from './block_builder.ts';
import { outputFor } from './block_space.ts';
import { Identities } from './identity.ts';
import { JsonBatches } from './json_batch.ts';
import { JsonGuard } from './json_guard.ts';
import { JsonLines } from './json_lines.ts';
import { KernelPath } from './kernel_path.ts';
import { PriorityWatch } from './priority_watch.ts';
import { type BodyLimits, type RequestBodies, readBodies } from './request_bodies.ts';
import { SingleEvents } from './single_events.ts';
import { compileValidator } from './validator.ts';

/** What one source of batches needs in this worker. */
interface Workbench {
  readonly source: BatchSource;
  readonly decoder: Decoder;
  readonly lines: JsonLines;
  readonly builders: readonly BlockBuilder[];
  /** Undefined where the decoder reads everything. */
  readonly kernel_path: KernelPath | undefined;
  readonly priority: PriorityWatch;
  /** Rejected events of the slab in hand. */
  readonly rejected: Map<RejectionReason, number>;
  /** Why events of the request in hand were rejected. */
  readonly reasons: RejectionReason[];
  /** Requests of the slab in hand that are not read here. */
  readonly unfold_too_far: number[];
}

/** The slab in hand. */
interface Slab {
  readonly task: SlabTask;
  readonly table: SlabTable;
  readonly bodies: RequestBodies;
}

export interface SlabProcessorOptions {
  /** Without it the decoders read everything, with the same result: for tests that compare, and benches. */
  readonly uses_kernel_path: boolean;
}

export class SlabProcessor {
  private readonly batches: JsonBatches;
  private readonly identities: Identities;
  private readonly guard = new JsonGuard();
  private readonly workbenches: readonly (Workbench | SingleEvents)[];
  private event_bytes_max = 0;

  constructor(
    sources: readonly Source[],
    private readonly kernel: Kernel,
    private readonly options: SlabProcessorOptions = { uses_kernel_path: true },
  ) {
    this.batches = new JsonBatches(kernel);
    this.identities = new Identities(kernel);
    this.workbenches = sources.map((source) => (source.kind === 'batch' ? this.createWorkbench(source) : this.createSingleEvents(source)));
  }

  process(task: SlabTask): SlabResult {
    const workbench = this.workbenches[task.source];
    assert(workbench !== undefined, 'BUG: a slab names a source that does not exist');
    const table = new SlabTable(task.buffer, task.requests_max);
    this.event_bytes_max = task.event_bytes_max;
    const bodies = readBodies(task, table, bodyLimits(task, workbench.source));
    if (!this.kernel.load(bodies.bytes)) return this.overloaded(task, table);
    if (workbench instanceof SingleEvents) return workbench.process(task, bodies);
    this.batches.begin(bodies.bytes);
    let received = 0;
    for (const builder of workbench.builders) builder.reset();
    workbench.rejected.clear();
    workbench.priority.begin(task.priority_types);
    workbench.unfold_too_far.length = 0;
    for (let index = 0; index < task.requests; index++) received += this.processRequest({ task, table, bodies }, index, workbench);
    return this.finish(task, workbench, received) ?? this.overloaded(task, table);
  }

  /** Writes the request's outcome into the table, and returns how many events it had. */
  private processRequest({ task, table, bodies }: Slab, index: number, workbench: Workbench): number {
    const tenant = task.tenants[table.tenant(index)];
    assert(tenant !== undefined, 'BUG: a request names a tenant that its slab does not have');
    const { offset, length, problem, is_lines } = bodies.at(index);
    if (problem === 'unfolds_too_far') {
      workbench.unfold_too_far.push(index);
      return 0;
    }
    const request = { offset, length, tenant, received_at_ms: table.receivedAtMs(index) };
    const result: DecodeResult = problem === undefined ? this.decode(workbench, request, is_lines) : { kind: 'failed', code: problem };
    if (result.kind === 'failed') {
      table.setFailure(index, result.code);
      return 0;
    }
    for (const reason of workbench.reasons) workbench.rejected.set(reason, (workbench.rejected.get(reason) ?? 0) + 1);
    table.setCounts(index, result.accepted, result.rejected);
    return result.accepted + result.rejected;
  }

  private decode(workbench: Workbench, request: DecoderRequest, is_lines: boolean): DecodeResult {
    const constants = this.identities.requestConstants(request.tenant, request.received_at_ms);
    const begin = (): boolean => {
      workbench.reasons.length = 0;
      for (const builder of workbench.builders) builder.beginRequest();
      return this.kernel.bodies.beginRequest(constants, request.length);
    };
    if (!begin()) return { kind: 'failed', code: 'overloaded' };
    const { decoder, lines, kernel_path } = workbench;
    const decoded = is_lines
      ? kernel_path?.decodeLines(request, lines, decoder, this.event_bytes_max)
      : kernel_path?.decode(request, decoder, this.event_bytes_max);
    if (decoded !== undefined && !this.kernel.columns.isExhausted()) return this.admit(workbench, decoded);
    if (kernel_path !== undefined) {
      this.takeBack(workbench);
      begin();
    }
    const result = is_lines ? lines.decode(request, decoder) : decoder.decode(request);
    const is_exhausted = this.kernel.columns.isExhausted();
    if (!is_exhausted && result.kind !== 'failed') return this.admit(workbench, result);
    // Of lines, the first may have left rows before one failed the request.
    this.takeBack(workbench);
    return is_exhausted ? { kind: 'failed', code: 'overloaded' } : result;
  }

  /** While room is scarce, takes the rows of a request back that has no event that goes first. */
  private admit(workbench: Workbench, result: DecodeResult): DecodeResult {
    if (result.kind === 'failed' || workbench.priority.admits(result.accepted)) return result;
    this.takeBack(workbench);
    return { kind: 'failed', code: 'shedding' };
  }

  private takeBack(workbench: Workbench): void {
    this.kernel.columns.rollBack();
    for (const builder of workbench.builders) builder.rollBack();
  }

  /** There was no memory for the slab, or for its blocks. */
  private overloaded(task: SlabTask, table: SlabTable): SlabResult {
    const singles: SingleOutcome[] = [];
    for (let index = 0; index < task.requests; index++) {
      table.setFailure(index, 'overloaded');
      singles.push({ kind: 'refused', code: 'overloaded', context: {} });
    }
    return { output: task.output, blocks: [], rejected: {}, singles, unfold_too_far: [] };
  }

  private finish(task: SlabTask, workbench: Workbench, received: number): SlabResult | undefined {
    const rejected = Object.fromEntries(workbench.rejected);
    const rejected_events = [...workbench.rejected.values()].reduce((sum, count) => sum + count, 0);
    const accounts = { source: workbench.source.name, received, accepted: received - rejected_events, rejected };
    const filled = workbench.builders.filter((builder) => builder.rowCount() > 0);
    const finished: { builder: BlockBuilder; block: FinishedBlock }[] = [];
    for (const builder of filled) {
      // The events of the slab are counted once, however many tables their rows go to.
      const block = builder.finish(finished.length === 0 ? accounts : { source: accounts.source, received: 0, accepted: 0, rejected: {} });
      if (block === undefined) return undefined;
      finished.push({ builder, block });
    }
    const bytes_needed = finished.reduce((sum, { block }) => sum + block.bytes, 0);
    const output = outputFor(task.output, bytes_needed);
    const target = Buffer.from(output);
    let offset = 0;
    const blocks = finished.map(({ builder, block }) => {
      block.copyTo(target, offset);
      const placed = { table: builder.table, offset, bytes: block.bytes, rows: builder.rowCount() };
      offset += block.bytes;
      return placed;
    });
    return { output, blocks, rejected, singles: [], unfold_too_far: [...workbench.unfold_too_far] };
  }

  private createSingleEvents(source: SingleSource): SingleEvents {
    const { kernel, guard, identities } = this;
    return new SingleEvents(source, { kernel, guard, identities, uses_outlines: this.options.uses_kernel_path });
  }

  private createWorkbench(source: BatchSource): Workbench {
    const { bodies, columns } = this.kernel;
    const builders = new Map(source.tables.map((table) => [table.name, new BlockBuilder(table, columns)]));
    const reasons: RejectionReason[] = [];
    const priority_column = source.priority && builders.get(source.priority.table)?.dictionary(source.priority.column);
    const tools: DecoderTools = {
      eventBytesMax: () => this.event_bytes_max,
      compile: (schema) => compileValidator(schema),
      parseBatch: (request, member) => {
        return this.batches.parse(request, member) ?? this.batches;
      },
      fitsJsonColumn: (text) => this.guard.fitsJsonColumn(text),
      identity: this.identities,
      rows: (table) => {
        const builder = builders.get(table);
        assert(builder !== undefined, `BUG: the source ${source.name} writes to ${table}, which is not among its tables`);
        return builder;
      },
      reject: (reason) => reasons.push(reason),
    };
    const kernel_path = this.options.uses_kernel_path ? KernelPath.create(source, bodies, this.batches, builders) : undefined;
    return {
      source,
      decoder: source.createDecoder(tools),
      lines: new JsonLines({ batches: this.batches, eventBytesMax: tools.eventBytesMax, reject: tools.reject }),
      builders: [...builders.values()],
      kernel_path,
      priority: new PriorityWatch(columns, priority_column),
      rejected: new Map(),
      reasons,
      unfold_too_far: [],
    };
  }
}

function bodyLimits({ body_bytes_max }: SlabTask, source: Source): BodyLimits {
  return {
    bodyBytesMax: (route) => Math.min(body_bytes_max, source.routes[route]?.body_bytes_max ?? body_bytes_max),
    // A single event is never an upload, however long it is.
    whole_body_bytes_max: source.kind === 'batch' ? WHOLE_BODY_BYTES_MAX : body_bytes_max,
  };
}

/**
 * The worker's part of a source whose requests bring one event each: every request becomes a block of its own and says what the
 * event claims, since the main thread may still have to refuse it.
 */
import { assert } from '../../base/assert.ts';
import { uuidText } from '../../base/uuid.ts';
import { type SingleOutcome, type SlabResult, SlabTable, type SlabTask } from '../../contract/slab.ts';
import type { SingleDecoder, SingleRequest, SingleSource, SingleTools } from '../../contract/source.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import { BlockSpace } from './block_space.ts';
import type { Identities } from './identity.ts';
import type { JsonGuard } from './json_guard.ts';
import type { RequestBodies } from './request_bodies.ts';
import { SingleBodies } from './single_bodies.ts';
import { SingleIdentities } from './single_identity.ts';
import { SingleRow } from './single_row.ts';
import { compileValidator } from './validator.ts';

/** What the workbenches of a worker share. */
export interface SharedTools {
  readonly kernel: Kernel;
  readonly guard: JsonGuard;
  readonly identities: Identities;
}

export class SingleEvents {
  private readonly bodies: SingleBodies;
  private readonly identities: SingleIdentities;
  private readonly rows: ReadonlyMap<string, SingleRow>;
  private readonly row_list: readonly SingleRow[];
  private readonly decoder: SingleDecoder;
  private event_bytes_max = 0;

  constructor(
    readonly source: SingleSource,
    shared: SharedTools,
  ) {
    this.bodies = new SingleBodies(shared.kernel);
    this.identities = new SingleIdentities(shared.kernel, shared.identities);
    this.row_list = source.tables.map((table) => new SingleRow(table, source.name));
    this.rows = new Map(this.row_list.map((row) => [row.table, row]));
    this.decoder = source.createDecoder(this.createTools(shared));
  }

  /** The kernel has loaded the bodies. */
  process(task: SlabTask, bodies: RequestBodies): SlabResult {
    const table = new SlabTable(task.buffer, task.requests_max);
    this.bodies.begin(bodies.bytes);
    this.event_bytes_max = task.event_bytes_max;
    this.identities.begin(task.identity_seed);
    const space = new BlockSpace(task.output);
    const rejected: Record<string, number> = {};
    const singles: SingleOutcome[] = [];
    for (let index = 0; index < task.requests; index++) {
      const tenant = task.tenants[table.tenant(index)];
      assert(tenant !== undefined, 'BUG: a request names a tenant that its slab does not have');
      const { offset, length, problem } = bodies.at(index);
      assert(problem !== 'unfolds_too_far', 'BUG: a single event was to be uploaded');
      if (problem !== undefined) {
        singles.push({ kind: 'refused', code: problem, context: {} });
        continue;
      }
      const request: SingleRequest = {
        offset,
        length,
        tenant,
        received_at_ms: table.receivedAtMs(index),
        route: table.route(index),
        idempotency_key: task.idempotency_keys[index] ?? '',
      };
      singles.push(this.processRequest(request, space, rejected));
    }
    return { ...space.result(), rejected, singles, unfold_too_far: [] };
  }

  private processRequest(request: SingleRequest, space: BlockSpace, rejected: Record<string, number>): SingleOutcome {
    const result = this.decoder.decode(request);
    if (result.kind === 'event') {
      const row = this.takeRow();
      const start = space.place(row.table, row.blockBytes());
      row.writeTo(space.bytes, start);
      row.reset();
      const { claims, answer, deviation } = result;
      const outcome = { kind: 'event', block: space.blocks.length - 1, event_id: uuidText(result.event_id), claims, answer } as const;
      return deviation === undefined ? outcome : { ...outcome, deviation };
    }
    for (const row of this.row_list) row.reset();
    if (result.kind === 'rejected') rejected[result.reason] = (rejected[result.reason] ?? 0) + 1;
    return { kind: 'refused', code: result.code, context: result.context };
  }

  /** The one row that the event in hand is. */
  private takeRow(): SingleRow {
    let taken: SingleRow | undefined;
    for (const row of this.row_list) {
      if (!row.isComplete()) continue;
      assert(taken === undefined, `BUG: an event of ${this.source.name} is more than one row`);
      taken = row;
    }
    assert(taken !== undefined, `BUG: an event of ${this.source.name} is no row`);
    return taken;
  }

  private createTools({ guard }: SharedTools): SingleTools {
    return {
      eventBytesMax: () => this.event_bytes_max,
      compile: (schema) => compileValidator(schema),
      parseObject: (request) => this.bodies.parse(request),
      readMembers: (request) => this.bodies.readMembers(request),
      fitsJsonColumn: (text) => guard.fitsJsonColumn(text),
      fitsJsonColumnAsDocument: ({ text, value }) => guard.fitsJsonColumnAsDocument(text, value),
      identity: this.identities,
      row: (table) => {
        const row = this.rows.get(table);
        assert(row !== undefined, `BUG: the source ${this.source.name} writes to ${table}, which is not among its tables`);
        return row;
      },
    };
  }
}

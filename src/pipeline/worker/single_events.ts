/**
 * The worker's part of a source whose requests bring one event each: every request becomes a block of its own and says what the
 * event claims, since the main thread may still have to refuse it.
 */
import type { Ajv } from 'ajv';
import { assert } from '../../base/assert.ts';
import { uuidText } from '../../base/uuid.ts';
import { type SingleOutcome, type SlabResult, SlabTable, type SlabTask } from '../../contract/slab.ts';
import type { SingleDecoder, SingleRequest, SingleSource, SingleTools } from '../../contract/source.ts';
import type { Kernel } from '../../kernel/kernel.ts';
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
  readonly ajv: Ajv;
}

interface Draft {
  readonly table: string;
  readonly bytes: Buffer;
}

export class SingleEvents {
  private readonly bodies: SingleBodies;
  private readonly identities: SingleIdentities;
  private readonly rows: ReadonlyMap<string, SingleRow>;
  private readonly decoder: SingleDecoder;
  private event_bytes_max = 0;

  constructor(
    readonly source: SingleSource,
    shared: SharedTools,
  ) {
    this.bodies = new SingleBodies(shared.kernel);
    this.identities = new SingleIdentities(shared.kernel, shared.identities);
    this.rows = new Map(source.tables.map((table) => [table.name, new SingleRow(table)]));
    this.decoder = source.createDecoder(this.createTools(shared));
  }

  /** The kernel has loaded the bodies. */
  process(task: SlabTask, bodies: RequestBodies): SlabResult {
    const table = new SlabTable(task.buffer, task.requests_max);
    this.bodies.begin(bodies.bytes);
    this.event_bytes_max = task.event_bytes_max;
    this.identities.begin(task.identity_seed);
    const drafts: Draft[] = [];
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
      singles.push(this.processRequest(request, drafts, rejected));
    }
    return { ...placeBlocks(drafts, task.output), rejected, singles, unfold_too_far: [] };
  }

  private processRequest(request: SingleRequest, drafts: Draft[], rejected: Record<string, number>): SingleOutcome {
    for (const row of this.rows.values()) row.reset();
    const result = this.decoder.decode(request);
    if (result.kind === 'event') {
      const written = [...this.rows.values()].filter((row) => row.isComplete());
      assert(written.length === 1, `BUG: an event of ${this.source.name} is ${written.length} rows`);
      const [row] = written;
      drafts.push({ table: row.table, bytes: row.encode({ source: this.source.name, received: 1, accepted: 1, rejected: {} }) });
      const { claims, answer } = result;
      return { kind: 'event', block: drafts.length - 1, event_id: uuidText(result.event_id), claims, answer };
    }
    if (result.kind === 'rejected') rejected[result.reason] = (rejected[result.reason] ?? 0) + 1;
    return { kind: 'refused', code: result.code, context: result.context };
  }

  private createTools({ ajv, guard }: SharedTools): SingleTools {
    return {
      eventBytesMax: () => this.event_bytes_max,
      compile: (schema) => compileValidator(ajv, schema),
      parseObject: (request) => this.bodies.parse(request),
      fitsJsonColumn: (text) => guard.fitsJsonColumn(text),
      identity: this.identities,
      row: (table) => {
        const row = this.rows.get(table);
        assert(row !== undefined, `BUG: the source ${this.source.name} writes to ${table}, which is not among its tables`);
        return row;
      },
    };
  }
}

/** One block behind the other in the task's output, or in a larger one. */
function placeBlocks(drafts: readonly Draft[], offered: SharedArrayBuffer): Pick<SlabResult, 'output' | 'blocks'> {
  const bytes_needed = drafts.reduce((sum, { bytes }) => sum + bytes.length, 0);
  const output = offered.byteLength >= bytes_needed ? offered : new SharedArrayBuffer(2 ** Math.ceil(Math.log2(bytes_needed)));
  const target = new Uint8Array(output);
  let offset = 0;
  const blocks = drafts.map(({ table, bytes }) => {
    target.set(bytes, offset);
    const placed = { table, offset, bytes: bytes.length, rows: 1 };
    offset += bytes.length;
    return placed;
  });
  return { output, blocks };
}

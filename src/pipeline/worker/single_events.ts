/**
 * The worker's part of a source whose requests bring one event each: the events of a slab become one block for each of their tables,
 * and each says which row it is and what it claims, since the main thread may still have to refuse it.
 */
import { assert } from '../../base/assert.ts';
import { uuidText } from '../../base/uuid.ts';
import { type SingleOutcome, type SlabResult, SlabTable, type SlabTask } from '../../contract/slab.ts';
import type { JsonSchema, SingleDecoder, SingleRequest, SingleSource, SingleTools } from '../../contract/source.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import { outputFor } from './block_space.ts';
import type { Identities } from './identity.ts';
import type { JsonGuard } from './json_guard.ts';
import { KernelOutlineBook } from './outline_book.ts';
import { outlineWords } from './outline_words.ts';
import type { RequestBodies } from './request_bodies.ts';
import { SingleBodies } from './single_bodies.ts';
import { SingleIdentities } from './single_identity.ts';
import { SingleRows } from './single_rows.ts';
import { compileValidator } from './validator.ts';

/** What the workbenches of a worker share. */
export interface SharedTools {
  readonly kernel: Kernel;
  readonly guard: JsonGuard;
  readonly identities: Identities;
  /** Whether bodies whose like is known are not read; the result is the same. */
  readonly uses_outlines: boolean;
}

export class SingleEvents {
  private readonly bodies: SingleBodies;
  private readonly identities: SingleIdentities;
  private readonly rows: ReadonlyMap<string, SingleRows>;
  private readonly row_list: readonly SingleRows[];
  private readonly decoder: SingleDecoder;
  private readonly books: { begin(slab: Buffer): void }[] = [];
  private event_bytes_max = 0;

  constructor(
    readonly source: SingleSource,
    shared: SharedTools,
  ) {
    this.bodies = new SingleBodies(shared.kernel);
    this.identities = new SingleIdentities(shared.kernel, shared.identities);
    this.row_list = source.tables.map((table) => new SingleRows(table, source.name));
    this.rows = new Map(this.row_list.map((row) => [row.table, row]));
    this.decoder = source.createDecoder(this.createTools(shared));
  }

  /** The kernel has loaded the bodies. */
  process(task: SlabTask, bodies: RequestBodies): SlabResult {
    const table = new SlabTable(task.buffer, task.requests_max);
    this.bodies.begin(bodies.bytes);
    for (const book of this.books) book.begin(bodies.bytes);
    this.event_bytes_max = task.event_bytes_max;
    this.identities.begin(task.identity_seed);
    for (const rows of this.row_list) rows.begin();
    const filled: SingleRows[] = [];
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
      singles.push(this.processRequest(request, filled, rejected));
    }
    return { ...writeBlocks(filled, task.output), rejected, singles, unfold_too_far: [] };
  }

  /** @param filled those that have a row of this slab, in the order in which they got the first */
  private processRequest(request: SingleRequest, filled: SingleRows[], rejected: Record<string, number>): SingleOutcome {
    const result = this.decoder.decode(request);
    if (result.kind === 'event') {
      const rows = this.rowsOfEvent();
      const row = rows.keep();
      if (row === 0) filled.push(rows);
      const { claims, answer, deviation } = result;
      const outcome = { kind: 'event', block: filled.indexOf(rows), row, event_id: uuidText(result.event_id), claims, answer } as const;
      return deviation === undefined ? outcome : { ...outcome, deviation };
    }
    for (const rows of this.row_list) rows.discard();
    if (result.kind === 'rejected') rejected[result.reason] = (rejected[result.reason] ?? 0) + 1;
    return { kind: 'refused', code: result.code, context: result.context };
  }

  /** Where the one row of the event in hand stands. */
  private rowsOfEvent(): SingleRows {
    let found: SingleRows | undefined;
    for (const rows of this.row_list) {
      if (!rows.isComplete()) continue;
      if (found !== undefined) assert(false, `BUG: an event of ${this.source.name} is more than one row`);
      found = rows;
    }
    if (found === undefined) assert(false, `BUG: an event of ${this.source.name} is no row`);
    return found;
  }

  private createTools({ guard, kernel, uses_outlines }: SharedTools): SingleTools {
    return {
      eventBytesMax: () => this.event_bytes_max,
      compile: (schema) => compileValidator(schema),
      parseObject: (request) => this.bodies.parse(request),
      readMembers: (request) => this.bodies.readMembers(request),
      outlineBook: <Lesson>(schema: JsonSchema) => {
        const book = new KernelOutlineBook<Lesson>(kernel, uses_outlines ? outlineWords(schema) : undefined);
        this.books.push(book);
        return book;
      },
      fitsJsonColumn: (text) => guard.fitsJsonColumn(text),
      fitsJsonColumnAsDocument: (document) => guard.fitsJsonColumnAsDocument(document),
      identity: this.identities,
      row: (table) => {
        const row = this.rows.get(table);
        assert(row !== undefined, `BUG: the source ${this.source.name} writes to ${table}, which is not among its tables`);
        return row;
      },
    };
  }
}

/** Writes the blocks one behind the other. */
function writeBlocks(filled: readonly SingleRows[], offered: SharedArrayBuffer): Pick<SlabResult, 'output' | 'blocks'> {
  const finished = filled.map((rows) => ({ table: rows.table, rows: rows.count, block: rows.finish() }));
  const output = outputFor(
    offered,
    finished.reduce((sum, { block }) => sum + block.bytes, 0),
  );
  const target = Buffer.from(output);
  let offset = 0;
  const blocks = finished.map(({ table, rows, block }) => {
    block.copyTo(target, offset);
    const placed = { table, offset, bytes: block.bytes, rows };
    offset += block.bytes;
    return placed;
  });
  return { output, blocks };
}

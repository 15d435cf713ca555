/**
 * The stages of the hot path, each as one benchmark over the same events: what `npm run bench` prints and `npm run bench:guard`
 * holds. The reference is JSON.parse of the same bytes, since every machine has that.
 */
import { Kernel } from '../../src/kernel/kernel.ts';
import { compileProgram } from '../../src/kernel/program.ts';
import { BlockBuilder } from '../../src/pipeline/worker/block_builder.ts';
import { Identities } from '../../src/pipeline/worker/identity.ts';
import { JsonGuard } from '../../src/pipeline/worker/json_guard.ts';
import { SlabProcessor } from '../../src/pipeline/worker/slab_processor.ts';
import { compileValidator } from '../../src/pipeline/worker/validator.ts';
import { DEPLOY_REPORT } from '../../src/sources/deploy_report/source.ts';
import { DEPLOY_EVENTS } from '../../src/sources/deploy_report/table.ts';
import { SOURCES } from '../../src/sources/list.ts';
import { BATCH_EVENTS, BATCHES, createBodies, createLines, createNamedBodies, createSpacedBodies, createTask, TENANT } from './batch.ts';

export interface Stage {
  readonly name: string;
  /** Events that one call works on. */
  readonly events: number;
  run(): void | Promise<void>;
}

const EVENTS = BATCHES * BATCH_EVENTS;
const EVENT_BYTES_MAX = 1 << 20;

interface Events {
  readonly events: readonly Record<string, string>[];
}

/** Everything that a worker does, alone and together, without threads and disks. */
export function workerStages(): Stage[] {
  const bodies = createBodies(BATCHES, BATCH_EVENTS);
  const texts = bodies.map((body) => body.toString('latin1'));
  const events = texts.flatMap((text) => {
    const batch: Events = JSON.parse(text);
    return batch.events;
  });
  const task = createTask(bodies);
  const guard = new JsonGuard();
  const stage = (name: string, run: () => void): Stage => ({ name, events: EVENTS, run });
  return [
    stage('JSON.parse', () => {
      for (const text of texts) JSON.parse(text);
    }),
    stage('scan', scan(bodies)),
    stage('identify', identify(bodies)),
    stage('validate', validate(events)),
    stage('check metadata', () => {
      for (const event of events) guard.fitsJsonColumn(event['metadata'] ?? '');
    }),
    stage('encode', encode(events)),
    stage('bytes to block, slow path', processSlabs(task, false)),
    stage('bytes to block', processSlabs(task, true)),
    stage('bytes to columns', readBodies(bodies)),
    stage('bytes to block, with spaces', processSlabs(createTask(createSpacedBodies(BATCHES, BATCH_EVENTS)), true)),
    stage('bytes to block, with event_id', processSlabs(createTask(createNamedBodies(BATCHES, BATCH_EVENTS)), true)),
    stage('lines to block', processSlabs(createTask(createLines(BATCHES, BATCH_EVENTS), 'ndjson'), true)),
  ];
}

function scan(bodies: readonly Buffer[]): () => void {
  const kernel = new Kernel();
  const slab = Buffer.concat(bodies);
  return () => {
    kernel.load(slab);
    let offset = 0;
    for (const { length } of bodies) {
      kernel.scanBatch(offset, length, 'events');
      offset += length;
    }
  };
}

/** One body's elements, as often as there are bodies. */
function identify(bodies: readonly Buffer[]): () => void {
  const kernel = new Kernel();
  const identities = new Identities(kernel);
  const body = bodies[0] ?? Buffer.alloc(0);
  kernel.load(body);
  kernel.scanBatch(0, body.length, 'events');
  return () => {
    for (let batch = 0; batch < BATCHES; batch++) {
      kernel.bodies.beginRequest(identities.requestConstants(TENANT, 0), body.length);
      for (let index = 0; index < BATCH_EVENTS; index++) identities.ofElement(index);
    }
  };
}

function validate(events: readonly unknown[]): () => void {
  const validator = compileValidator(DEPLOY_REPORT.schema);
  return () => {
    for (const event of events) {
      if (!validator.accepts(event)) throw new Error('a benchmark event is not valid');
    }
  };
}

function encode(events: readonly Readonly<Record<string, string>>[]): () => void {
  const kernel = new Kernel();
  const builder = new BlockBuilder(DEPLOY_EVENTS, kernel.columns);
  const no_slab = Buffer.alloc(0);
  const text_columns = DEPLOY_EVENTS.columns
    .filter((column) => column.kind !== 'uuid' && column.kind !== 'datetime64')
    .map(({ name }) => ({ name, writer: builder.text(name) }));
  const event_id = builder.uuid('event_id');
  const timestamp = builder.time('timestamp');
  const digest = Uint32Array.of(1, 2, 3, 4);
  const output = Buffer.alloc(2 ** 20);
  return () => {
    kernel.load(no_slab);
    builder.reset();
    for (const event of events) {
      for (const { name, writer } of text_columns) writer.append(event[name] ?? '');
      event_id.append(digest);
      timestamp.append(Date.UTC(2026, 0, 1));
      builder.end(0);
    }
    builder.finish({ source: 'bench', received: EVENTS, accepted: EVENTS, rejected: {} })?.copyTo(output, 0);
  };
}

/** The kernel alone: what `bytes to block` is without the copies to and from its memory, the slab's table and the block's header. */
function readBodies(bodies: readonly Buffer[]): () => void {
  const kernel = new Kernel();
  const { schema, plan, tables } = DEPLOY_REPORT;
  const { first_column } = new BlockBuilder(DEPLOY_EVENTS, kernel.columns);
  const program = plan === undefined ? undefined : compileProgram(schema, plan, tables[0], first_column);
  if (program === undefined) throw new Error('the benchmark source has no program');
  const installed = kernel.bodies.install(program);
  const constants = new Identities(kernel);
  const slab = Buffer.concat(bodies);
  return () => {
    kernel.load(slab);
    let offset = 0;
    for (const { length } of bodies) {
      kernel.bodies.beginRequest(constants.requestConstants(TENANT, 0), length);
      const result = kernel.bodies.read(installed.address(), { offset, length }, EVENT_BYTES_MAX, false);
      if (result !== 'done') throw new Error('the kernel did not read a benchmark body');
      offset += length;
    }
    kernel.columns.finish(first_column, DEPLOY_EVENTS.columns.length);
  };
}

function processSlabs(task: ReturnType<typeof createTask>, uses_kernel_path: boolean): () => void {
  const processor = new SlabProcessor(SOURCES, new Kernel(), { uses_kernel_path });
  let { output } = task;
  return () => {
    output = processor.process({ ...task, output }).output;
  };
}

/**
 * Requests that arrive together travel together: bodies are packed into slabs, slabs go to the workers, blocks go to the spool,
 * and when the spool has them the requests are answered.
 *
 * A slab leaves at the end of the event-loop turn if a worker can take it; while all are busy it grows, up to its size, and then
 * waits in a bounded queue. So the cost of a dispatch is shared by as many requests as there is load.
 */
import { assert } from '../../base/assert.ts';
import { type ErrorCode, type ErrorContext, OperatingError } from '../../contract/errors.ts';
import type { Clock } from '../../contract/ports.ts';
import type { Responder } from '../../contract/responder.ts';
import type { SpoolBlock } from '../../contract/segment.ts';
import { type SlabResult, SlabTable, type SlabTask } from '../../contract/slab.ts';
import type { Tenant } from '../../contract/tenant.ts';
import { BufferPool } from './buffer_pool.ts';
import { Months } from './months.ts';
import { OpenSlab } from './open_slab.ts';

/** Rejects when the worker died; its buffers are lost with it. */
export interface SlabWorkers {
  run(task: SlabTask): Promise<SlabResult>;
}

export interface BlockSpool {
  append(block: SpoolBlock): Promise<void>;
}

/** What became of a slab, for the metrics. */
export interface DispatchObserver {
  slabDispatched(requests: number, bytes: number): void;
  /** Events counted and answered; `rejected` by reason. */
  eventsCounted(source: number, accepted: number, rejected: Readonly<Record<string, number>>): void;
  workerDied(reason: string): void;
}

export interface DispatchLimits {
  readonly slab_bytes_max: number;
  readonly slab_requests_max: number;
  /** Full slabs that wait for a worker. */
  readonly slabs_queued_max: number;
  /** Slabs at the workers at one time: two per thread, so that none idles while its next slab crosses. */
  readonly slabs_running_max: number;
  readonly event_bytes_max: number;
}

export class Dispatcher {
  private readonly open = new Map<number, OpenSlab>();
  private readonly queue: OpenSlab[] = [];
  private readonly slabs: BufferPool;
  private readonly outputs: BufferPool;
  private readonly months = new Months();
  private running = 0;
  private turn_ends = false;

  constructor(
    private readonly ports: { workers: SlabWorkers; spool: BlockSpool; clock: Clock; observer: DispatchObserver },
    private limits: DispatchLimits,
  ) {
    const kept_max = limits.slabs_running_max + limits.slabs_queued_max;
    this.slabs = new BufferPool(OpenSlab.bufferBytes(limits.slab_requests_max, limits.slab_bytes_max), kept_max);
    this.outputs = new BufferPool(this.slabs.buffer_bytes, kept_max);
  }

  /** Copies the body; it may be reused on return. What is not taken is answered `overloaded` at once. */
  submit(source: number, tenant: Tenant, body: Uint8Array, responder: Responder): void {
    const received_at_ms = this.ports.clock.nowMs();
    const slab = this.slabFor(source, this.months.of(received_at_ms), body.length);
    if (slab === undefined) {
      responder.failed('overloaded');
      return;
    }
    slab.add(body, tenant, received_at_ms, responder);
    if (!this.turn_ends) {
      this.turn_ends = true;
      setImmediate(() => this.endTurn());
    }
  }

  /** Puts another limit on events into force, from the next slab on. */
  setEventBytesMax(event_bytes_max: number): void {
    this.limits = { ...this.limits, event_bytes_max };
  }

  /** Slabs that wait or are being worked on. */
  depth(): { queued: number; running: number } {
    return { queued: this.queue.length + this.open.size, running: this.running };
  }

  private slabFor(source: number, month: number, body_bytes: number): OpenSlab | undefined {
    const current = this.open.get(source);
    if (current?.kind.month === month && current.fits(body_bytes)) return current;
    if (this.queue.length >= this.limits.slabs_queued_max) return undefined;
    if (current !== undefined) this.queue.push(current);
    const slab = this.createSlab(source, month, body_bytes);
    this.open.set(source, slab);
    return slab;
  }

  /** A body larger than a slab gets a buffer of its own, which is not kept. */
  private createSlab(source: number, month: number, body_bytes: number): OpenSlab {
    if (body_bytes > this.limits.slab_bytes_max) {
      return new OpenSlab({ source, month }, new ArrayBuffer(OpenSlab.bufferBytes(1, body_bytes)), 1);
    }
    return new OpenSlab({ source, month }, this.slabs.take(), this.limits.slab_requests_max);
  }

  private endTurn(): void {
    this.turn_ends = false;
    this.pump();
  }

  /** Starts what the workers can take: full slabs first, in order, then the open ones as they are. */
  private pump(): void {
    while (this.running < this.limits.slabs_running_max) {
      const slab = this.queue.shift() ?? this.takeOpen();
      if (slab === undefined) return;
      void this.run(slab);
    }
  }

  private takeOpen(): OpenSlab | undefined {
    for (const [source, slab] of this.open) {
      this.open.delete(source);
      return slab;
    }
    return undefined;
  }

  private async run(slab: OpenSlab): Promise<void> {
    const task = slab.task(this.outputs.take(), this.limits.event_bytes_max);
    this.ports.observer.slabDispatched(task.requests, task.bytes);
    const result = await this.work(task);
    if (result === undefined) return failAll(slab, 'worker_died', {});
    const problem = await this.append(slab, result);
    this.answer(slab, result, problem);
    this.slabs.give(result.buffer);
    this.outputs.give(result.output);
  }

  private async work(task: SlabTask): Promise<SlabResult | undefined> {
    this.running++;
    try {
      return await this.ports.workers.run(task);
    } catch (error) {
      this.ports.observer.workerDied(error instanceof Error ? error.message : String(error));
      return undefined;
    } finally {
      this.running--;
      this.pump();
    }
  }

  /** Resolves when every block of the slab is in the spool. */
  private async append(slab: OpenSlab, result: SlabResult): Promise<OperatingError | undefined> {
    const { month } = slab.kind;
    try {
      await Promise.all(
        result.blocks.map(({ table, offset, bytes, rows }) =>
          this.ports.spool.append({ table, month, rows, bytes: new Uint8Array(result.output, offset, bytes) }),
        ),
      );
      return undefined;
    } catch (error) {
      if (error instanceof OperatingError) return error;
      throw error;
    }
  }

  /** @param problem why the spool did not take the blocks: then no event of the slab is counted, and only bad requests learn their own fate */
  private answer(slab: OpenSlab, result: SlabResult, problem: OperatingError | undefined): void {
    const table = new SlabTable(result.buffer, slab.requests_max);
    let accepted_in_all = 0;
    for (let index = 0; index < slab.responders.length; index++) {
      const responder = slab.responders[index];
      const failure = table.failure(index);
      if (failure !== undefined) {
        responder.failed(failure);
      } else if (problem !== undefined) {
        responder.failed(problem.code, problem.context);
      } else {
        accepted_in_all += table.accepted(index);
        responder.counted(table.accepted(index), table.rejected(index));
      }
    }
    assert(accepted_in_all === 0 || result.blocks.length > 0, 'BUG: events were accepted but no block was made of them');
    if (problem === undefined) this.ports.observer.eventsCounted(slab.kind.source, accepted_in_all, result.rejected);
  }
}

function failAll(slab: OpenSlab, code: ErrorCode, context: ErrorContext): void {
  for (const responder of slab.responders) responder.failed(code, context);
}

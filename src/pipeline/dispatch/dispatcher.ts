/**
 * Requests that arrive together travel together: bodies are packed into slabs, slabs go to the workers, blocks go to the spool,
 * and when the spool has them the requests are answered.
 *
 * A slab leaves at the end of the event-loop turn when nothing of its thread is under way. While the slab before it is at the worker
 * or on its way to the disk it grows, and leaves when it is worth a trip of its own or that one is answered: so the wake-ups and the
 * fsync of a trip are shared by as many requests as there is load, and a lone request waits for nobody.
 */
import { OperatingError } from '../../contract/errors.ts';
import type { Gate } from '../../contract/gate.ts';
import type { Clock, Random } from '../../contract/ports.ts';
import type { Submission } from '../../contract/responder.ts';
import type { SpoolBlock } from '../../contract/segment.ts';
import type { SlabResult, SlabTask } from '../../contract/slab.ts';
import type { Deviation } from '../../contract/source.ts';
import type { Column } from '../../contract/table.ts';
import { atMost } from './at_most.ts';
import { BufferPool } from './buffer_pool.ts';
import { Company } from './company.ts';
import { Months } from './months.ts';
import { OpenSlab } from './open_slab.ts';
import { type Piece, type PieceCounts, PieceSubmission, type SlabTarget } from './piece.ts';
import { SingleVerdicts } from './single_verdicts.ts';
import { answerSlab } from './slab_answers.ts';

/** Rejects when the worker died. */
export interface SlabWorkers {
  run(task: SlabTask): Promise<SlabResult>;
}

export interface BlockSpool {
  append(block: SpoolBlock): Promise<void>;
}

/** What became of a slab, for the metrics. */
export interface DispatchObserver {
  slabDispatched(requests: number, bytes: number): void;
  /** Events counted and answered; `rejected` by reason. With `accepted` 0 no block tells of them, so that whoever keeps books must. */
  eventsCounted(source: number, accepted: number, rejected: Readonly<Record<string, number>>): void;
  /** An event was stored that is not as its source knows events. */
  eventDeviated(source: number, deviation: Deviation): void;
  workerDied(reason: string): void;
}

export interface DispatchPorts {
  readonly workers: SlabWorkers;
  readonly spool: BlockSpool;
  readonly gate: Gate;
  readonly clock: Clock;
  readonly random: Random;
  readonly observer: DispatchObserver;
  /** Takes over a submission whose whole, compressed body unfolds to more than is read at once. */
  upload(submission: Submission, body: Uint8Array): void;
  /** While room is scarce: the types of events that go first. Undefined while there is enough. */
  priorityTypes(): readonly string[] | undefined;
  columnsOf(table: string): readonly Column[];
  /** Whether the requests of a source bring one event each. */
  isSingle(source: number): boolean;
}

export interface DispatchLimits {
  readonly slab_bytes_max: number;
  readonly slab_requests_max: number;
  /** Full slabs that wait for a worker. */
  readonly slabs_queued_max: number;
  /** Worker threads. */
  readonly threads: number;
  /** Slabs at one thread: the one that it works on, and those that are there when it is done. */
  readonly slabs_per_thread_max: number;
  readonly event_bytes_max: number;
  readonly body_bytes_max: number;
}

/**
 * What must have gathered for a slab to leave while another is under way. A trip costs half a millisecond of wake-ups and system
 * calls whatever it carries, and this much keeps a worker busy for some hundred microseconds.
 */
const TRIP_BYTES_MIN = 256 * 1024;
/** The same in events that come one to a request, each of which takes a worker as long as some kilobytes of a batch. */
const TRIP_SINGLES_MIN = 24;
/** How long a slab counts as under way while its requests await verdicts: a slow disk, or registry, gets the next one meanwhile. */
const VERDICTS_MS_MAX = 2;
/** Slabs that may wait beyond `slabs_queued_max`, for requests that use the reserve. */
const RESERVED_SLABS = 16;

export class Dispatcher {
  private readonly open = new Map<number, OpenSlab>();
  private readonly queue: OpenSlab[] = [];
  private readonly slabs: BufferPool;
  private readonly outputs: BufferPool;
  private readonly months = new Months();
  private readonly verdicts: SingleVerdicts;
  private readonly target: SlabTarget;
  /** Pieces of uploads that wait for a worker, and how many are at one. */
  private readonly pieces: OpenSlab[] = [];
  private pieces_running = 0;
  /** Slabs at the workers. */
  private running = 0;
  /** Slabs that were dispatched and are not answered yet. */
  private under_way = 0;
  private turn_ends = false;
  private readonly company: Company;

  constructor(
    private readonly ports: DispatchPorts,
    private limits: DispatchLimits,
  ) {
    const kept_max = limits.threads * limits.slabs_per_thread_max + limits.slabs_queued_max;
    this.slabs = new BufferPool(OpenSlab.bufferBytes(limits.slab_requests_max, limits.slab_bytes_max), kept_max);
    this.outputs = new BufferPool(this.slabs.buffer_bytes, kept_max);
    this.verdicts = new SingleVerdicts(ports);
    this.company = new Company(ports.clock, () => this.pump());
    this.target = {
      append: (block) => ports.spool.append(block),
      eventsCounted: (source, accepted, rejected) => ports.observer.eventsCounted(source, accepted, rejected),
    };
  }

  /** Copies the body; it may be reused on return. What is not taken is answered `overloaded` at once. */
  submit(submission: Submission, body: Uint8Array): void {
    const received_at_ms = this.ports.clock.nowMs();
    const slab = this.slabFor(submission, this.months.of(received_at_ms), body.length);
    if (slab === undefined) {
      submission.failed('overloaded');
      return;
    }
    slab.add(body, submission, received_at_ms);
    // A turn that reads from hundreds of sockets is long, and a worker need not wait for its end.
    if (slab.bodyBytes() >= TRIP_BYTES_MIN) this.pump();
    if (!this.turn_ends) {
      this.turn_ends = true;
      setImmediate(() => this.endTurn());
    }
  }

  /**
   * Has a piece of an upload made into blocks, and resolves when these are kept. Rejects with the OperatingError that it ended in.
   * The caller has but a few under way.
   */
  processPiece(piece: Piece): Promise<PieceCounts> {
    const submission = new PieceSubmission(piece);
    const kind = { source: submission.source, month: this.months.of(piece.received_at_ms) };
    const bytes = Math.max(OpenSlab.bufferBytes(1, piece.bytes.length), this.slabs.buffer_bytes);
    const buffer = bytes === this.slabs.buffer_bytes ? this.slabs.take() : new SharedArrayBuffer(bytes);
    const slab = new OpenSlab(kind, buffer, 1, submission);
    slab.add(piece.bytes, submission, piece.received_at_ms);
    this.pieces.push(slab);
    this.pump();
    return submission.counts;
  }

  /** Puts other limits on events and unfolded bodies into force, from the next slab on. */
  setLimits({ event_bytes_max, body_bytes_max }: Pick<DispatchLimits, 'event_bytes_max' | 'body_bytes_max'>): void {
    this.limits = { ...this.limits, event_bytes_max, body_bytes_max };
  }

  /** Slabs that wait or are being worked on. */
  depth(): { queued: number; running: number } {
    return { queued: this.queue.length + this.open.size, running: this.running };
  }

  private slabFor({ source, uses_reserve }: Submission, month: number, body_bytes: number): OpenSlab | undefined {
    const current = this.open.get(source);
    if (current?.kind.month === month && current.fits(body_bytes)) return current;
    if (this.queue.length >= this.limits.slabs_queued_max + (uses_reserve ? RESERVED_SLABS : 0)) return undefined;
    if (current !== undefined) this.queue.push(current);
    const slab = this.createSlab(source, month, body_bytes);
    this.open.set(source, slab);
    return slab;
  }

  /** A body larger than a slab gets a buffer of its own, which is not kept. */
  private createSlab(source: number, month: number, body_bytes: number): OpenSlab {
    if (body_bytes > this.limits.slab_bytes_max) {
      return new OpenSlab({ source, month }, new SharedArrayBuffer(OpenSlab.bufferBytes(1, body_bytes)), 1, this.target);
    }
    return new OpenSlab({ source, month }, this.slabs.take(), this.limits.slab_requests_max, this.target);
  }

  private endTurn(): void {
    this.turn_ends = false;
    this.pump();
  }

  /**
   * Starts what the workers can take: full slabs first, in order, then the open ones as they are. Pieces of uploads have all places but
   * one, and that one while nobody else wants it.
   */
  private pump(): void {
    const places = this.limits.threads * this.limits.slabs_per_thread_max;
    while (this.running < places) {
      const reserved = this.takeReserved();
      const piece = reserved === undefined && this.pieces_running < Math.max(1, places - 1) ? this.pieces.shift() : undefined;
      const slab = reserved ?? piece ?? this.queue.shift() ?? this.takeOpen() ?? this.pieces.shift();
      if (slab === undefined) return;
      void this.run(slab);
    }
  }

  /** While slabs wait, requests that use the reserve go before them: they are few, and their sender is in a hurry. */
  private takeReserved(): OpenSlab | undefined {
    if (this.queue.length === 0) return undefined;
    for (const [source, slab] of this.open) {
      if (!slab.submissions[0].uses_reserve) continue;
      this.open.delete(source);
      return slab;
    }
    return undefined;
  }

  /** An open slab that may leave now: any while a thread has nothing under way, else only one that is worth a trip of its own. */
  private takeOpen(): OpenSlab | undefined {
    const leaves_anyway = this.under_way < this.limits.threads && !this.company.is_awaited;
    for (const [source, slab] of this.open) {
      if (!leaves_anyway && !this.isWorthATrip(source, slab)) continue;
      this.open.delete(source);
      return slab;
    }
    return undefined;
  }

  private isWorthATrip(source: number, slab: OpenSlab): boolean {
    return slab.bodyBytes() >= TRIP_BYTES_MIN || (slab.submissions.length >= TRIP_SINGLES_MIN && this.ports.isSingle(source));
  }

  /** A piece is not counted as under way: a small slab that finds a place free must not wait for it. */
  private async run(slab: OpenSlab): Promise<void> {
    const count = this.isPiece(slab) ? 0 : 1;
    this.under_way += count;
    await this.makeTrip(slab);
    this.under_way -= count;
    this.company.tripEnded(slab.submissions.length);
    this.pump();
  }

  private isPiece(slab: OpenSlab): boolean {
    return slab.target !== this.target;
  }

  private async makeTrip(slab: OpenSlab): Promise<void> {
    // An upload that has begun is finished: what of it was stored already is no less than what comes.
    const priority_types = this.isPiece(slab) ? undefined : this.ports.priorityTypes();
    const task = slab.task(this.outputs.take(), this.ports.random.uuid(), { ...this.limits, priority_types });
    this.ports.observer.slabDispatched(task.requests, task.bytes);
    const result = await this.work(task, this.isPiece(slab) ? 1 : 0);
    if (result === undefined) {
      // A worker that runs out of memory may still be writing for a moment: its buffers are not used again.
      for (const submission of slab.submissions) submission.failed('worker_died');
      return;
    }
    let answering: Promise<void> | undefined;
    if (result.singles.length > 0) {
      const { submissions, kind } = slab;
      answering = this.verdicts.settle({ month: kind.month, submissions, receivedAtMs: (index) => slab.receivedAtMs(index) }, result);
    } else {
      const problem = await this.append(slab, result);
      answerSlab({ slab, task, result, problem }, (submission, body) => this.ports.upload(submission, body));
    }
    this.slabs.give(task.buffer);
    this.outputs.give(result.output);
    if (answering !== undefined) await atMost(this.ports.clock, VERDICTS_MS_MAX, answering);
  }

  private async work(task: SlabTask, pieces: 0 | 1): Promise<SlabResult | undefined> {
    this.running++;
    this.pieces_running += pieces;
    try {
      return await this.ports.workers.run(task);
    } catch (error) {
      this.ports.observer.workerDied(error instanceof Error ? error.message : String(error));
      return undefined;
    } finally {
      this.running--;
      this.pieces_running -= pieces;
      this.pump();
    }
  }

  /** Resolves when every block of the slab is in the spool. */
  private async append(slab: OpenSlab, result: SlabResult): Promise<OperatingError | undefined> {
    const { month } = slab.kind;
    try {
      await Promise.all(
        result.blocks.map(({ table, offset, bytes, rows }) =>
          slab.target.append({ table, month, rows, bytes: new Uint8Array(result.output, offset, bytes) }),
        ),
      );
      return undefined;
    } catch (error) {
      if (error instanceof OperatingError) return error;
      throw error;
    }
  }
}

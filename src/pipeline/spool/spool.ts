/**
 * The spool: everything acknowledged and not yet in ClickHouse, on the disk of this machine.
 *
 * Blocks come in by `append` and are durable when it resolves; they leave as sealed segments, each one INSERT, announced to `onSealed` and handed out by
 * the methods of `SegmentStore`. One spool per data directory, on the main thread, the only writer there: the caller holds the directory's lock.
 */
import { AssertionError } from 'node:assert';
import type { Readable } from 'node:stream';
import { assert } from '../../base/assert.ts';
import { OperatingError } from '../../contract/errors.ts';
import type { Rejection, SealedSegment, SegmentStore, SpoolBlock } from '../../contract/segment.ts';
import type { Table } from '../../contract/table.ts';
import type { UploadStage } from '../../contract/upload.ts';
import { Committer } from './committer.ts';
import { DeadLetters } from './dead_letters.ts';
import { DiskGuard } from './disk_guard.ts';
import { HeldBlocks } from './held_blocks.ts';
import { Ledger } from './ledger/ledger.ts';
import { type ClosedSegment, OpenSegments } from './open_segments.ts';
import type { SpoolOptions, SpoolPorts, SpoolStats } from './options.ts';
import { PagePool } from './page_pool.ts';
import { Quarantine } from './quarantine.ts';
import { recoverSpool } from './recovery.ts';
import { SealQueue } from './seal_queue.ts';
import { SealedFiles } from './sealed_files.ts';
import { Sealer } from './sealer.ts';
import type { SegmentWriter } from './segment_writer.ts';
import { blockBytes, bytesMax, freeBytesMin, type SpaceLimits } from './space.ts';
import { type Halves, Splitter } from './splitter.ts';
import { SyncedDirectory } from './synced_directory.ts';
import { isDiskFull, mayBeTheFile, reasonOf } from './system_errors.ts';
import { UnfiledSegments } from './unfiled_segments.ts';
import { UploadStages } from './upload_stages.ts';

/** With so many segments of a table waiting to be sealed or delivered, age seals no more: fewer and larger segments catch up faster. */
const BACKLOG_SEGMENTS_MAX = 32;

export class Spool implements SegmentStore {
  /** What became of every event; reads and writes its own files. */
  readonly ledger: Ledger;
  private readonly tables: ReadonlyMap<string, Table>;
  private readonly directory: SyncedDirectory;
  private readonly quarantined: Quarantine;
  private readonly guard: DiskGuard;
  private readonly sealer: Sealer;
  private readonly letters: DeadLetters;
  private readonly sealed: SealedFiles;
  private readonly seal_queue: SealQueue;
  private readonly open_segments: OpenSegments;
  private readonly committer: Committer;
  private readonly stages: UploadStages;
  private readonly listeners: ((segment: SealedSegment) => void)[] = [];
  private readonly return_listeners: ((segment: SealedSegment) => void)[] = [];
  private limits: SpaceLimits;
  /** Bytes of open files and of closed ones that are not sealed yet. */
  private unsealed_bytes = 0;
  private next_sequence = 1;
  private state: 'new' | 'running' | 'closed' = 'new';

  /** @param tables all that blocks may come for */
  constructor(
    private readonly ports: SpoolPorts,
    private readonly options: SpoolOptions,
    tables: readonly Table[],
  ) {
    this.limits = options;
    this.tables = new Map(tables.map((table) => [table.name, table]));
    this.directory = new SyncedDirectory(ports.fs, `${options.data_dir}/spool`);
    this.ledger = new Ledger(ports, options.data_dir, this.directory.path);
    this.quarantined = new Quarantine(ports.fs, `${options.data_dir}/quarantine`, ports.observer);
    this.guard = new DiskGuard(ports, this.directory.path, () => this.limits);
    const pool = new PagePool(options.held_bytes_max);
    this.sealer = new Sealer(ports, this.directory, this.quarantined, pool, { isHurried: () => this.seal_queue.isBehind });
    const books = ports.books ?? this.ledger;
    this.letters = new DeadLetters(ports, options.data_dir, this.directory, this.quarantined, {
      books,
      mayReturn: () => this.fullError(1, false) === undefined,
      returned: (segment) => this.takeBack(segment),
    });
    this.sealed = new SealedFiles(ports.fs, this.directory, {
      quarantine: this.quarantined,
      splitter: new Splitter(ports, this.directory),
      letters: this.letters,
      books,
      blocks: new HeldBlocks(pool),
      unfiled: new UnfiledSegments(ports.fs, this.directory, this.sealer, options),
    });
    this.seal_queue = new SealQueue(ports.clock, {
      seal: (closed) => this.seal(closed),
      failed: (closed, error) => this.sealFailed(closed, error),
    });
    this.open_segments = new OpenSegments(ports, options, this.directory, this.tables, pool, {
      nextSequence: () => this.next_sequence++,
      opened: (segment_id, accounts) => this.ledger.opened(segment_id, accounts),
      shouldSealByAge: (table) => this.sealed.countOf(table) + this.seal_queue.countOf(table) < BACKLOG_SEGMENTS_MAX,
      closed: (closed) => this.seal_queue.add(closed),
      emptied: (segment_id) => this.ledger.sealed(segment_id, undefined),
    });
    this.committer = new Committer(ports.clock, options.group_delay_ms_max, {
      writerFor: (block) => this.open_segments.writerFor(block),
      settled: (writer, written_bytes, error) => this.commitSettled(writer, written_bytes, error),
      groupCommitted: (blocks, bytes) => ports.observer.groupCommitted(blocks, bytes),
    });
    this.stages = new UploadStages({
      ports,
      options,
      directory: new SyncedDirectory(ports.fs, `${options.data_dir}/uploads`),
      spool_directory: this.directory,
      tables: this.tables,
      hooks: {
        nextSequence: () => this.next_sequence++,
        refusal: (block) => this.refusal(block),
        usedBytesChanged: (change) => {
          this.unsealed_bytes += change;
        },
        failed: (writer, error) => this.writeFailed(writer, error),
        admitted: (closed, accounts) => {
          this.ledger.opened(closed.segment.id, accounts);
          this.seal_queue.add(closed);
        },
      },
    });
  }

  /** Begins an upload: its blocks are stored as they come, and admitted together. */
  stage(): UploadStage {
    return this.stages.begin();
  }

  /**
   * Takes over what an earlier run left, and begins to accept.
   *
   * @throws the operating system's error when the directory cannot be read
   */
  async start(): Promise<void> {
    assert(this.state === 'new', 'BUG: the spool is started twice');
    const { directory, quarantined: quarantine } = this;
    for (const path of [directory.path, quarantine.directory]) await this.ports.fs.makeDirectory(path);
    await this.stages.recover();
    await this.ledger.start();
    const recovery = await recoverSpool({ ...this.ports, directory, quarantine, isOver: (segment_id) => this.ledger.isOver(segment_id) });
    const unsealed_ids = recovery.closed.map(({ segment }) => segment.id);
    this.ledger.adopt(recovery.sealed, unsealed_ids);
    this.next_sequence = recovery.next_sequence;
    for (const segment of recovery.sealed) this.sealed.add(segment, 0);
    for (const closed of recovery.closed) this.unsealed_bytes += closed.file_bytes;
    await this.letters.recover(recovery.sealed);
    await this.guard.start();
    this.letters.start();
    this.state = 'running';
    for (const closed of recovery.closed) this.seal_queue.add(closed);
  }

  /** Calls `listener` with each sealed segment: at once with those that are there, in order, then with each new one. */
  onSealed(listener: (segment: SealedSegment) => void): void {
    for (const segment of this.sealed.list()) listener(segment);
    this.listeners.push(listener);
  }

  /** Calls `listener` with each dead letter that comes back from now on; its place in the order is long past. */
  onReturned(listener: (segment: SealedSegment) => void): void {
    this.return_listeners.push(listener);
  }

  /**
   * Stores the block. Rejects with `overloaded`, `spool_full`, `disk_nearly_full`, `spool_unwritable` or `shutting_down`; then nothing
   * of it is stored.
   *
   * @param block its bytes must not change until the promise is settled
   */
  append(block: SpoolBlock): Promise<void> {
    assert(this.tables.has(block.table) && block.rows > 0, 'BUG: a block that is empty, or of an unknown table, reached the spool');
    const refusal = this.refusal(block);
    return refusal === undefined ? this.committer.append(block) : Promise.reject(refusal);
  }

  open(segment: SealedSegment): Promise<Readable> {
    return this.sealed.open(segment);
  }

  takeToken(segment: SealedSegment): Promise<SealedSegment> {
    return this.sealed.takeToken(segment);
  }

  retire(segment: SealedSegment): Promise<void> {
    return this.ledger.delivered(segment, () => this.sealed.retire(segment));
  }

  quarantine(segment: SealedSegment, reason: string): Promise<void> {
    return this.ledger.deadLettered(segment, () => this.sealed.quarantine(segment, reason));
  }

  split(segment: SealedSegment): Promise<Halves> {
    return this.sealed.split(segment);
  }

  deadLetter(segment: SealedSegment, rejection: Rejection): Promise<void> {
    return this.sealed.deadLetter(segment, rejection);
  }

  /** Puts other limits on its space into force. */
  setSpace(limits: SpaceLimits): void {
    this.limits = limits;
  }

  /** Closes and seals what is there; resolves when each segment is sealed or could not be just now (it is, later or at the next start). */
  async sealAll(): Promise<void> {
    await this.committer.flush();
    await this.open_segments.closeAll();
    await this.seal_queue.settle();
  }

  /** Accepts no more, lets what is under way end, and stops all timers. Unsealed segments are sealed at the next start. */
  async close(): Promise<void> {
    if (this.state === 'closed') return;
    this.state = 'closed';
    await this.committer.flush();
    await this.letters.stop();
    await this.seal_queue.stop();
    await this.open_segments.closeAll();
    await this.guard.stop();
    await this.ledger.close();
  }

  stats(): SpoolStats {
    const oldest_ms = Math.min(this.open_segments.oldestReceivedAtMs(), this.seal_queue.oldestReceivedAtMs());
    return {
      spool_bytes: this.usedBytes(),
      queued_bytes: this.committer.queued_bytes,
      open_segments: this.open_segments.count,
      unsealed_segments: this.seal_queue.count,
      sealed_segments: this.sealed.count,
      sealed_rows: this.sealed.rows,
      oldest_unsealed_received_at_ms: Number.isFinite(oldest_ms) ? oldest_ms : undefined,
      quarantined: this.quarantined.count,
      dead_letters: this.letters.counts(),
      disk_free_bytes: this.guard.free_bytes,
      disk_free_bytes_min: freeBytesMin(this.limits, false),
      spool_bytes_max: bytesMax(this.limits, false),
      problem: this.guard.problemFor(false) ?? this.fullError(blockBytes(this.limits), false),
    };
  }

  private refusal(block: SpoolBlock): OperatingError | undefined {
    if (this.state !== 'running') return new OperatingError('shutting_down');
    const uses_reserve = block.uses_reserve === true;
    const disk_problem = this.guard.problemFor(uses_reserve);
    if (disk_problem !== undefined) return disk_problem;
    const queued_bytes = this.committer.queued_bytes + block.bytes.length;
    if (queued_bytes > this.options.queued_bytes_max) return new OperatingError('overloaded');
    return this.fullError(queued_bytes, uses_reserve);
  }

  /** Undefined when there is room for so many bytes more. */
  private fullError(more_bytes: number, uses_reserve: boolean): OperatingError | undefined {
    const spool_bytes = this.usedBytes();
    const spool_bytes_max = bytesMax(this.limits, uses_reserve);
    return spool_bytes + more_bytes > spool_bytes_max ? new OperatingError('spool_full', { spool_bytes, spool_bytes_max }) : undefined;
  }

  private usedBytes(): number {
    return this.unsealed_bytes + this.sealed.bytes;
  }

  private commitSettled(writer: SegmentWriter, written_bytes: number, error: unknown): Error | undefined {
    this.unsealed_bytes += written_bytes;
    this.open_segments.settle(writer);
    return error === undefined ? undefined : this.writeFailed(writer, error);
  }

  private writeFailed(writer: SegmentWriter, error: unknown): Error {
    if (error instanceof AssertionError) return error;
    this.guard.failed(error);
    this.ports.observer.incident('append_failed', { table: writer.header.table, reason: reasonOf(error) });
    return new OperatingError('spool_unwritable', { reason: reasonOf(error) }, { cause: error });
  }

  private async seal(closed: ClosedSegment): Promise<void> {
    const sealing = await this.sealer.seal(closed, this.sealed.mayStayUnfiled(closed.segment.table));
    this.unsealed_bytes -= closed.file_bytes;
    this.ledger.sealed(closed.segment.id, sealing.segment);
    if (sealing.segment === undefined) return;
    this.sealed.addSealed(sealing.segment, closed, sealing);
    for (const listener of this.listeners) listener(sealing.segment);
  }

  private takeBack(segment: SealedSegment): void {
    this.sealed.add(segment, 0);
    for (const listener of this.return_listeners) listener(segment);
  }

  /** Whether the segment's own file may be what is wrong. */
  private sealFailed(closed: ClosedSegment, error: unknown): boolean {
    // A file that cannot be read says nothing about whether others can be written.
    if (isDiskFull(error)) this.guard.failed(error);
    this.ports.observer.incident('seal_failed', { segment: closed.segment.id, table: closed.segment.table, reason: reasonOf(error) });
    return mayBeTheFile(error);
  }
}

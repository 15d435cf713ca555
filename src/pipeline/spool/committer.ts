/**
 * Group commit: appends queue up, one write and one sync per touched file covers all that wait, and while a group is on its way to the disk the next one
 * collects.
 *
 * Owner of the queue, which is bounded in bytes. An append settles exactly once: resolved when it is durable, rejected when nothing of it is stored.
 */
import type { Clock } from '../../contract/ports.ts';
import type { SpoolBlock } from '../../contract/segment.ts';
import type { SegmentWriter } from './segment_writer.ts';

/** A group's upper bounds, so that one group does not make a segment much larger than it should be. */
const GROUP_BYTES_MAX = 8 << 20;
const GROUP_BLOCKS_MAX = 1024;

export interface CommitterHooks {
  writerFor(block: SpoolBlock): SegmentWriter;
  /** The group's part in this file is done; `error` when it failed. Translates the error for those who wait. */
  settled(writer: SegmentWriter, written_bytes: number, error: unknown): Error | undefined;
  groupCommitted(blocks: number, bytes: number): void;
}

interface Waiting {
  readonly block: SpoolBlock;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export class Committer {
  /** Bytes of the blocks that are queued or in the group being written. */
  queued_bytes = 0;
  private waiting: Waiting[] = [];
  /** When the first of those that wait came. */
  private waiting_since_ms = 0;
  private run_promise: Promise<void> | undefined;
  private previous_group_blocks = 0;
  private end_pause: (() => void) | undefined;
  private is_hurried = false;

  constructor(
    private readonly clock: Clock,
    private readonly group_delay_ms_max: number,
    private readonly hooks: CommitterHooks,
  ) {}

  append(block: SpoolBlock): Promise<void> {
    this.queued_bytes += block.bytes.length;
    if (this.waiting.length === 0) this.waiting_since_ms = this.clock.monotonicMs();
    return new Promise((resolve, reject) => {
      this.waiting.push({ block, resolve, reject });
      this.run_promise ??= this.run();
    });
  }

  /** Resolves when all that was appended so far is settled; nothing waits for company meanwhile. */
  async flush(): Promise<void> {
    this.is_hurried = true;
    this.end_pause?.();
    while (this.run_promise !== undefined) await this.run_promise;
    this.is_hurried = false;
  }

  private async run(): Promise<void> {
    // What else arrives in this turn of the event loop belongs to the first group.
    await new Promise<void>((resolve) => setImmediate(resolve));
    while (this.waiting.length > 0) {
      await this.awaitCompany();
      await this.commitGroup(this.takeGroup());
    }
    this.run_promise = undefined;
  }

  /**
   * Worth it only when blocks come several at a time: then a moment's wait saves a whole sync. What waited already, while the group before was on its way
   * to a slow disk, counts: there company came meanwhile.
   */
  private async awaitCompany(): Promise<void> {
    if (this.previous_group_blocks <= 1 || this.is_hurried) return;
    const pause_ms = this.waiting_since_ms + this.group_delay_ms_max - this.clock.monotonicMs();
    if (pause_ms > 0) await this.pause(pause_ms);
  }

  private pause(pause_ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.clock.schedule(pause_ms, () => this.end_pause?.());
      this.end_pause = () => {
        timer.cancel();
        this.end_pause = undefined;
        resolve();
      };
    });
  }

  private takeGroup(): readonly Waiting[] {
    let bytes = 0;
    let blocks = 0;
    for (const { block } of this.waiting) {
      bytes += block.bytes.length;
      if (blocks > 0 && (bytes > GROUP_BYTES_MAX || blocks >= GROUP_BLOCKS_MAX)) break;
      blocks++;
    }
    const group = this.waiting.slice(0, blocks);
    this.waiting = this.waiting.slice(blocks);
    return group;
  }

  private async commitGroup(group: readonly Waiting[]): Promise<void> {
    const by_writer = new Map<SegmentWriter, Waiting[]>();
    let bytes = 0;
    for (const entry of group) {
      const writer = this.hooks.writerFor(entry.block);
      const part = by_writer.get(writer);
      if (part === undefined) by_writer.set(writer, [entry]);
      else part.push(entry);
      bytes += entry.block.bytes.length;
    }
    this.previous_group_blocks = group.length;
    await Promise.all([...by_writer].map(([writer, part]) => this.commitPart(writer, part)));
    this.hooks.groupCommitted(group.length, bytes);
  }

  private async commitPart(writer: SegmentWriter, part: readonly Waiting[]): Promise<void> {
    const before_bytes = writer.end_bytes;
    let failure: unknown;
    try {
      await writer.commit(part.map(({ block }) => block.bytes));
    } catch (error) {
      failure = error;
    }
    const refusal = this.hooks.settled(writer, writer.end_bytes - before_bytes, failure);
    for (const { block } of part) this.queued_bytes -= block.bytes.length;
    for (const entry of part) {
      if (refusal === undefined) entry.resolve();
      else entry.reject(refusal);
    }
  }
}

/**
 * One upload: unfolds and cuts a body while it arrives, has its pieces made into blocks, stages these, and commits. What it holds in
 * memory is a few pieces, whatever the body's length: it reads on only when a piece has found a worker.
 */
import { type ErrorCode, OperatingError } from '../../contract/errors.ts';
import { type BodyFormat, formatNumber } from '../../contract/format.ts';
import type { Submission } from '../../contract/responder.ts';
import { PIECE_BYTES_MAX, type UploadStage } from '../../contract/upload.ts';
import type { Cutter } from './cutter.ts';
import { type ElementWindow, JsonCutter } from './json_cutter.ts';
import { LineCutter } from './line_cutter.ts';
import { PackCutter } from './pack_cutter.ts';
import { unfold } from './unfold.ts';

/** What became of the events of a piece, or of the whole upload; `rejected` by reason. */
export interface UploadCounts {
  readonly accepted: number;
  readonly rejected: Readonly<Record<string, number>>;
}

/** What became of all events of an upload. */
export interface UploadEnd extends UploadCounts {
  /** Of `rejected`, what no block tells of: too large to be cut, or of pieces without an accepted event. */
  readonly loose: Readonly<Record<string, number>>;
}

export interface UploadPorts {
  readonly stage: UploadStage;
  /** For a body in JSON; in nobody else's use. */
  readonly window: ElementWindow;
  /**
   * Has a piece made into blocks and these staged; its bytes are copied before this returns. Rejects with the OperatingError that
   * the piece ended in.
   */
  process(piece: Uint8Array, received_at_ms: number, format: number): Promise<UploadCounts>;
}

export interface UploadOptions {
  readonly submission: Submission;
  readonly format: BodyFormat;
  /** The member of a body that is the array of events. */
  readonly batch: string;
  /** One for the whole upload. */
  readonly received_at_ms: number;
  readonly body_bytes_max: number;
  readonly event_bytes_max: number;
}

/** Pieces at the workers or on their way to the disk: one is made, one is the next, and one is stored. */
const PIECES_MAX = 3;
/** What is cut before it is asked whether there is room for more pieces. */
const STEP_BYTES = 1 << 20;

export class Upload {
  private readonly cutter: Cutter;
  private readonly running = new Set<Promise<void>>();
  private accepted = 0;
  private readonly rejected = new Map<string, number>();
  private readonly loose = new Map<string, number>();
  private failure: unknown;
  private has_failed = false;

  constructor(
    private readonly ports: UploadPorts,
    private readonly options: UploadOptions,
  ) {
    this.cutter = createCutter(options, ports.window);
  }

  /** Reads the body to its end and answers the submission; resolves to what was counted, if it was. Rejects for a bug alone. */
  async run(parts: AsyncIterable<Uint8Array>): Promise<UploadEnd | undefined> {
    const { stage } = this.ports;
    const { submission } = this.options;
    try {
      await this.read(parts);
      await stage.commit();
    } catch (error) {
      await Promise.allSettled(this.running);
      await stage.discard();
      if (!(error instanceof OperatingError)) throw error;
      submission.failed(error.code, error.context);
      return undefined;
    }
    const { accepted, rejected } = this;
    if (this.cutter.events_too_large > 0) this.reject('event_too_large', this.cutter.events_too_large, true);
    submission.counted(
      accepted,
      [...rejected.values()].reduce((sum, count) => sum + count, 0),
    );
    return { accepted, rejected: Object.fromEntries(rejected), loose: Object.fromEntries(this.loose) };
  }

  private reject(reason: string, count: number, is_loose: boolean): void {
    if (is_loose) this.loose.set(reason, (this.loose.get(reason) ?? 0) + count);
    this.rejected.set(reason, (this.rejected.get(reason) ?? 0) + count);
  }

  private async read(parts: AsyncIterable<Uint8Array>): Promise<void> {
    const { format, body_bytes_max } = this.options;
    const take = (piece: Uint8Array): void => this.start(piece);
    for await (const part of unfold(parts, format.coding, body_bytes_max)) {
      for (let at = 0; at < part.length; at += STEP_BYTES) {
        this.check(this.cutter.push(part.subarray(at, at + STEP_BYTES), take));
        while (this.running.size >= PIECES_MAX) await Promise.race(this.running);
      }
    }
    this.check(this.cutter.end(take));
    await Promise.all(this.running);
    this.throwFailure();
  }

  private check(problem: ErrorCode | undefined): void {
    if (problem !== undefined) throw new OperatingError(problem);
    this.throwFailure();
  }

  private throwFailure(): void {
    if (this.has_failed) throw this.failure;
  }

  /** The piece is copied before this returns. */
  private start(piece: Uint8Array): void {
    const running = this.process(piece).finally(() => this.running.delete(running));
    this.running.add(running);
  }

  private async process(piece: Uint8Array): Promise<void> {
    const { format, received_at_ms } = this.options;
    try {
      const result = await this.ports.process(piece, received_at_ms, formatNumber({ media: format.media, coding: 'identity' }));
      this.accepted += result.accepted;
      for (const [reason, count] of Object.entries(result.rejected)) this.reject(reason, count, result.accepted === 0);
    } catch (error) {
      this.has_failed = true;
      this.failure ??= error;
    }
  }
}

function createCutter({ format, batch, event_bytes_max }: UploadOptions, window: ElementWindow): Cutter {
  const limits = { piece_bytes_max: PIECE_BYTES_MAX, event_bytes_max };
  switch (format.media) {
    case 'json':
      return new JsonCutter(batch, limits, window);
    case 'ndjson':
      return new LineCutter(limits);
    case 'msgpack':
      return new PackCutter(batch, limits);
  }
}

/**
 * The uploads under way. Bounded in number, since each holds some pieces in memory; one more is told to come again.
 */
import { assert } from '../../base/assert.ts';
import { formatOf } from '../../contract/format.ts';
import type { Clock } from '../../contract/ports.ts';
import type { Submission } from '../../contract/responder.ts';
import type { SpoolBlock } from '../../contract/segment.ts';
import type { Source } from '../../contract/source.ts';
import type { PartSource, UploadIntake, UploadStage } from '../../contract/upload.ts';
import type { ElementWindow } from './json_cutter.ts';
import { PartQueue } from './part_queue.ts';
import { Upload, type UploadCounts } from './upload.ts';

/** Parts of a body that wait while its pieces are at the workers. */
const QUEUED_BYTES_MAX = 1 << 20;
/** Each holds about 10 MiB: parts, a piece that fills, and three with their blocks. */
const UPLOADS_MAX = 8;

export interface UploadsPorts {
  readonly clock: Clock;
  createWindow(): ElementWindow;
  /** Begins a stage of its own for each upload. */
  stage(): UploadStage;
  /** Has a piece made into blocks, which go to `stage`; see `UploadPorts`. */
  process(piece: StagedPiece): Promise<UploadCounts>;
  readonly observer: { eventsCounted(source: number, accepted: number, rejected: Readonly<Record<string, number>>): void };
}

export interface StagedPiece {
  readonly submission: Submission;
  readonly bytes: Uint8Array;
  readonly format: number;
  readonly received_at_ms: number;
  append(block: SpoolBlock): Promise<void>;
}

export interface UploadsLimits {
  readonly body_bytes_max: number;
  readonly event_bytes_max: number;
}

export class Uploads {
  private readonly running = new Set<Promise<void>>();
  /** A window's memory is used again by the next upload. */
  private readonly idle_windows: ElementWindow[] = [];

  constructor(
    private readonly ports: UploadsPorts,
    private readonly sources: readonly Source[],
    private limits: UploadsLimits,
  ) {}

  /** Puts other limits into force for the uploads that come. */
  setLimits({ body_bytes_max, event_bytes_max }: UploadsLimits): void {
    this.limits = { body_bytes_max, event_bytes_max };
  }

  /** Begins an upload; undefined when there are too many, and the submission was answered so. */
  begin(submission: Submission, part_source: PartSource): UploadIntake | undefined {
    if (this.running.size >= UPLOADS_MAX) {
      submission.failed('overloaded');
      return undefined;
    }
    const queue = new PartQueue(part_source, QUEUED_BYTES_MAX);
    const running = this.run(submission, queue).finally(() => this.running.delete(running));
    this.running.add(running);
    return queue;
  }

  count(): number {
    return this.running.size;
  }

  private async run(submission: Submission, queue: PartQueue): Promise<void> {
    const { ports, limits } = this;
    const source = this.sources[submission.source];
    assert(source.kind === 'batch', 'BUG: the body of a single event became an upload');
    const stage = ports.stage();
    const window = this.idle_windows.pop() ?? ports.createWindow();
    const append = (block: SpoolBlock): Promise<void> => stage.append(block);
    const upload = new Upload(
      { stage, window, process: (bytes, received_at_ms, format) => ports.process({ submission, bytes, received_at_ms, format, append }) },
      {
        submission,
        format: formatOf(submission.format),
        batch: source.batch,
        received_at_ms: ports.clock.nowMs(),
        ...limits,
      },
    );
    const counts = await upload.run(queue);
    this.idle_windows.push(window);
    if (counts === undefined) return;
    const { accepted, rejected, loose } = counts;
    const stored = Object.entries(rejected).map(([reason, count]) => [reason, count - (loose[reason] ?? 0)] as const);
    // What no block tells of is counted apart from what is accepted, for those who keep books.
    ports.observer.eventsCounted(submission.source, accepted, Object.fromEntries(stored.filter(([, count]) => count > 0)));
    if (Object.keys(loose).length > 0) ports.observer.eventsCounted(submission.source, 0, loose);
  }
}

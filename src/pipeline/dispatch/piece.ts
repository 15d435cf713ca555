/**
 * A piece of an upload as a submission of its own: it travels to a worker like any body, but its blocks go where the upload's are
 * kept, and its fate is told to the upload.
 */
import { type ErrorCode, type ErrorContext, OperatingError } from '../../contract/errors.ts';
import type { Submission } from '../../contract/responder.ts';
import type { SpoolBlock } from '../../contract/segment.ts';
import type { Tenant } from '../../contract/tenant.ts';

/** One piece; `bytes` may be used again as soon as it was taken. */
export interface Piece {
  /** The upload's; it is not answered here. */
  readonly submission: Submission;
  readonly bytes: Uint8Array;
  /** Of the piece, as `contract/format.ts` numbers it. */
  readonly format: number;
  readonly received_at_ms: number;
  /** Keeps a block of it; its bytes are only lent until the promise is settled. */
  append(block: SpoolBlock): Promise<void>;
}

/** Events of a piece; `rejected` by reason. */
export interface PieceCounts {
  readonly accepted: number;
  readonly rejected: Readonly<Record<string, number>>;
}

/** Where the blocks of a slab go, and who is told what they are. */
export interface SlabTarget {
  append(block: SpoolBlock): Promise<void>;
  eventsCounted(source: number, accepted: number, rejected: Readonly<Record<string, number>>): void;
}

export class PieceSubmission implements Submission, SlabTarget {
  readonly source: number;
  readonly route: number;
  readonly tenant: Tenant;
  readonly format: number;
  readonly idempotency_key = '';
  readonly uses_reserve = false;
  readonly counts: Promise<PieceCounts>;
  private resolve: (counts: PieceCounts) => void = () => undefined;
  private reject: (error: OperatingError) => void = () => undefined;

  constructor(private readonly piece: Piece) {
    const { source, route, tenant } = piece.submission;
    this.source = source;
    this.route = route;
    this.tenant = tenant;
    this.format = piece.format;
    this.counts = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }

  append(block: SpoolBlock): Promise<void> {
    return this.piece.append(block);
  }

  /** The reasons are told to the target; the promise is settled by it. */
  counted(): void {}

  eventsCounted(_source: number, accepted: number, rejected: Readonly<Record<string, number>>): void {
    this.resolve({ accepted, rejected });
  }

  answered(): void {}

  failed(code: ErrorCode, context: ErrorContext = {}): void {
    this.reject(new OperatingError(code, context));
  }
}

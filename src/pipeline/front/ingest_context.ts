/** What every request of the front end shares. Owned by the `FrontEnd`. */
import type { ErrorCode } from '../../contract/errors.ts';
import type { Clock } from '../../contract/ports.ts';
import type { Submission } from '../../contract/responder.ts';
import type { Route } from '../../contract/source.ts';
import type { PartSource, UploadIntake } from '../../contract/upload.ts';
import type { AddressPlaces } from './address_places.ts';
import type { Answer } from './answers.ts';
import type { ByteBudget } from './byte_budget.ts';
import type { HttpResponse } from './engine.ts';
import type { RoutePlace } from './ingest_request.ts';
import type { TurnClock } from './turn_clock.ts';
import type { WorkInHand } from './work_in_hand.ts';

export interface IngestContext {
  readonly clock: Clock;
  readonly budget: ByteBudget;
  readonly places: AddressPlaces;
  readonly work: WorkInHand;
  readonly turn: TurnClock;
  bodyBytesMax(place: RoutePlace): number;
  /** Hands a whole body on; it is copied before this returns. */
  submit(submission: Submission, body: Uint8Array): void;
  /** Begins to take a body that is too long to be held; undefined when the submission was refused instead. */
  beginUpload(submission: Submission, part_source: PartSource): UploadIntake | undefined;
  write(response: HttpResponse, answer: Answer): void;
  /** Whether the answer is kept for a while before it is written, so that who is refused does not come back at once. */
  hold(response: HttpResponse, answer: Answer): boolean;
  /** The same as `write` within a request's own handler, for less. */
  writeWithin(response: HttpResponse, answer: Answer): void;
  /** For the metrics, once per answered request. */
  answered(route: Route, status: number, duration_ms: number, body_bytes: number): void;
  /** Counts requests between their head and their answer. */
  inFlight(change: 1 | -1): void;
  /** For an answer of 503 with this code. */
  retryAfterSeconds(code: ErrorCode): number;
}

/** What the public listener is given: whom it asks, whom it tells, and its limits. */
import type { Clock, Random } from '../../contract/ports.ts';
import type { Meter } from '../../contract/rate.ts';
import type { ReadRoute } from '../../contract/read_route.ts';
import type { Submission } from '../../contract/responder.ts';
import type { Identity, KeyUse } from '../../contract/tenant.ts';
import type { PartSource, UploadIntake } from '../../contract/upload.ts';
import type { Answer } from './answers.ts';
import type { ListenerPorts, TlsFiles } from './listener.ts';
import type { Backlog } from './retry_advice.ts';
import type { StreamObserver, StreamSettings } from './stream/streams.ts';

export interface FrontObserver {
  requestAnswered(path: string, status: number, duration_ms: number, body_bytes: number): void;
  /** A read route failed in a way that it should not know. */
  readFailed(path: string, error: unknown): void;
  readonly stream: StreamObserver;
}

export interface FrontPorts extends ListenerPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly observer: FrontObserver;
  lookupKey(presented: string, use: KeyUse): Identity | undefined;
  /** What counts a key's requests; undefined for a key without limits. */
  meterOf(key_id: string): Meter | undefined;
  /** Until what stands against new events has passed, or enough of it. */
  readonly backlog: Backlog;
  /** Takes a whole body; it is copied before this returns. */
  submit(submission: Submission, body: Uint8Array): void;
  /** Begins to take a body that is too long to be held; undefined when the submission was refused instead. */
  beginUpload(submission: Submission, part_source: PartSource): UploadIntake | undefined;
  readonly read_routes: readonly ReadRoute[];
  /** Answers of GET /livez and /readyz. */
  health(path: string): Answer | undefined;
}

export interface FrontLimits extends StreamSettings {
  readonly bytes_in_flight_max: number;
  /** For each address; 0 is no limit. */
  readonly connections_per_address_max: number;
  /** Addresses and CIDRs of those whose X-Forwarded-For is believed. */
  readonly trusted_proxies: readonly string[];
  /** Origins of web pages that may call. */
  readonly cors_origins: readonly string[];
  /** Read once. */
  readonly tls: TlsFiles;
}

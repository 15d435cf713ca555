/**
 * Which errors of the catalogue each kind of operation can end in. A route's own ones stand in its documentation; a code that neither
 * this table nor any documentation claims is one that every route that takes events may answer.
 */
import type { RouteDocumentation } from '../contract/documentation.ts';
import { ERROR_CODES, type ErrorCode, errorStatus } from '../contract/errors.ts';
import type { Source } from '../contract/source.ts';
import type { PublicInterface } from './types.ts';

export type OperationKind = Source['kind'] | 'read';

const INGEST: readonly OperationKind[] = ['batch', 'single'];
const ALL: readonly OperationKind[] = [...INGEST, 'read'];

const KINDS: Readonly<Partial<Record<ErrorCode, readonly OperationKind[]>>> = {
  bad_request: ALL,
  unauthorized: ALL,
  overloaded: ALL,
  shutting_down: ALL,
  no_events: ['batch'],
  repeated_events: ['batch'],
  body_around_events_too_large: ['batch'],
  not_message_pack: ['batch'],
  upload_broken_off: ['batch'],
  version_conflict: ['single'],
  idempotency_conflict: ['single'],
  registry_unavailable: ['single'],
  claim_undecided: ['single'],
  parameter_invalid: ['read'],
  read_timed_out: ['read'],
  clickhouse_unavailable: ['read'],
  query_too_dear: ['read'],
  internal_error: ['read'],
  // Of what is no operation: another path, another method.
  not_found: [],
  method_not_allowed: [],
  // Of streams, whose messages are no operations.
  upgrade_required: [],
  stream_seq_invalid: [],
  stream_seq_reused: [],
  stream_window_exceeded: [],
  // Batches alone are shed, and only keys of these uses have limits.
  shedding: ['batch'],
};

/** Errors of one interface's operations. What has no status in the catalogue is an error of commands and never among them. */
export class OperationErrors {
  private readonly claimed: ReadonlySet<ErrorCode>;

  constructor({ sources, read_routes, open_routes }: Pick<PublicInterface, 'sources' | 'read_routes' | 'open_routes'>) {
    const routes = [...sources.flatMap((source) => source.routes), ...read_routes, ...open_routes];
    this.claimed = new Set(routes.flatMap((route) => route.documentation?.errors ?? []));
  }

  /** @returns codes by status: statuses ascending, codes in the order of the catalogue */
  of(kind: OperationKind, documentation: RouteDocumentation | undefined, needs_key: boolean): ReadonlyMap<number, readonly ErrorCode[]> {
    const own = documentation?.errors ?? [];
    const codes = ERROR_CODES.filter((code) => own.includes(code) || (this.isCommon(code, kind) && (needs_key || code !== 'unauthorized')));
    const statuses = [...new Set(codes.map(errorStatus))].sort((left, right) => left - right);
    return new Map(statuses.map((status) => [status, codes.filter((code) => errorStatus(code) === status)]));
  }

  private isCommon(code: ErrorCode, kind: OperationKind): boolean {
    const is_for_clients = KINDS[code] !== undefined || errorStatus(code) !== 500;
    return is_for_clients && !this.claimed.has(code) && (KINDS[code] ?? INGEST).includes(kind);
  }
}

/**
 * A slab while it fills: bodies are copied in behind one another, and each request's responder waits at the position of its
 * table entry. Owner of the buffer until it is dispatched, and again when it comes back.
 */
import { assert } from '../../base/assert.ts';
import { copyShared } from '../../base/shared_copy.ts';
import { PLAIN_FORMAT } from '../../contract/format.ts';
import type { Submission } from '../../contract/responder.ts';
import { SLAB_ENTRY_BYTES, SlabTable, type SlabTask } from '../../contract/slab.ts';
import type { Tenant } from '../../contract/tenant.ts';
import type { SlabTarget } from './piece.ts';

/** Requests of one slab share source and month, so that each of its tables gets one block in one partition. */
export interface SlabKind {
  /** Position in the list of sources. */
  readonly source: number;
  /** yyyymm of receipt, in UTC. */
  readonly month: number;
}

export class OpenSlab {
  readonly submissions: Submission[] = [];
  private readonly table: SlabTable;
  private readonly bytes: Buffer;
  private readonly tenants: Tenant[] = [];
  private readonly idempotency_keys: string[] = [];
  private has_idempotency_key = false;
  private is_plain = true;
  private readonly tenant_indexes = new Map<Tenant, number>();
  private used: number;

  constructor(
    readonly kind: SlabKind,
    buffer: SharedArrayBuffer,
    readonly requests_max: number,
    readonly target: SlabTarget,
  ) {
    this.table = new SlabTable(buffer, requests_max);
    this.bytes = Buffer.from(buffer);
    this.used = requests_max * SLAB_ENTRY_BYTES;
  }

  /** Bytes that a buffer needs for `requests_max` requests with bodies of so many bytes in all. */
  static bufferBytes(requests_max: number, bodies_bytes: number): number {
    return Math.ceil((requests_max * SLAB_ENTRY_BYTES + bodies_bytes) / 8) * 8;
  }

  bodyBytes(): number {
    return this.used - this.requests_max * SLAB_ENTRY_BYTES;
  }

  fits(body_bytes: number): boolean {
    return this.submissions.length < this.requests_max && this.used + body_bytes <= this.bytes.length;
  }

  /** Copies the body in; `fits` was asked before. */
  add(body: Uint8Array, submission: Submission, received_at_ms: number): void {
    assert(this.fits(body.length), 'BUG: a body was added to a slab that has no room for it');
    const { tenant, route, format, idempotency_key } = submission;
    copyShared(this.bytes, this.used, body);
    const request = { tenant: this.tenantIndex(tenant), route, format, received_at_ms };
    this.table.setRequest(this.submissions.length, this.used, body.length, request);
    if (format !== PLAIN_FORMAT) this.is_plain = false;
    this.used += body.length;
    this.submissions.push(submission);
    this.idempotency_keys.push(idempotency_key);
    if (idempotency_key !== '') this.has_idempotency_key = true;
  }

  /** A copy of a request's body, for whoever reads it another way. */
  copyBody(index: number): Uint8Array {
    const offset = this.table.offset(index);
    return new Uint8Array(this.bytes.subarray(offset, offset + this.table.length(index)));
  }

  receivedAtMs(index: number): number {
    return this.table.receivedAtMs(index);
  }

  /** The message to a worker; `output` is a recycled buffer for the blocks, and `identity_seed` was never used before. */
  task(
    output: SharedArrayBuffer,
    identity_seed: string,
    limits: Pick<SlabTask, 'event_bytes_max' | 'body_bytes_max' | 'priority_types'>,
  ): SlabTask {
    return {
      source: this.kind.source,
      buffer: this.table.buffer,
      requests_max: this.requests_max,
      requests: this.submissions.length,
      is_plain: this.is_plain,
      bytes: this.used,
      tenants: this.tenants,
      idempotency_keys: this.has_idempotency_key ? this.idempotency_keys : [],
      identity_seed,
      event_bytes_max: limits.event_bytes_max,
      body_bytes_max: limits.body_bytes_max,
      priority_types: limits.priority_types,
      output,
    };
  }

  private tenantIndex(tenant: Tenant): number {
    const known = this.tenant_indexes.get(tenant);
    if (known !== undefined) return known;
    this.tenants.push(tenant);
    this.tenant_indexes.set(tenant, this.tenants.length - 1);
    return this.tenants.length - 1;
  }
}

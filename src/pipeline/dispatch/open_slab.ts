/**
 * A slab while it fills: bodies are copied in behind one another, and each request's responder waits at the position of its
 * table entry. Owner of the buffer until it is dispatched, and again when it comes back.
 */
import { assert } from '../../base/assert.ts';
import type { Responder } from '../../contract/responder.ts';
import { SLAB_ENTRY_BYTES, SlabTable, type SlabTask } from '../../contract/slab.ts';
import type { Tenant } from '../../contract/tenant.ts';

/** Requests of one slab share source and month, so that each of its tables gets one block in one partition. */
export interface SlabKind {
  /** Position in the list of sources. */
  readonly source: number;
  /** yyyymm of receipt, in UTC. */
  readonly month: number;
}

export class OpenSlab {
  readonly responders: Responder[] = [];
  private readonly table: SlabTable;
  private readonly bytes: Uint8Array;
  private readonly tenants: Tenant[] = [];
  private readonly tenant_indexes = new Map<Tenant, number>();
  private used: number;

  constructor(
    readonly kind: SlabKind,
    buffer: SharedArrayBuffer,
    readonly requests_max: number,
  ) {
    this.table = new SlabTable(buffer, requests_max);
    this.bytes = new Uint8Array(buffer);
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
    return this.responders.length < this.requests_max && this.used + body_bytes <= this.bytes.length;
  }

  /** Copies the body in; `fits` was asked before. */
  add(body: Uint8Array, tenant: Tenant, received_at_ms: number, responder: Responder): void {
    assert(this.fits(body.length), 'BUG: a body was added to a slab that has no room for it');
    this.bytes.set(body, this.used);
    this.table.setRequest(this.responders.length, this.used, body.length, this.tenantIndex(tenant), received_at_ms);
    this.used += body.length;
    this.responders.push(responder);
  }

  /** The message to a worker; `output` is a recycled buffer for the blocks. */
  task(output: SharedArrayBuffer, event_bytes_max: number): SlabTask {
    return {
      source: this.kind.source,
      buffer: this.table.buffer,
      requests_max: this.requests_max,
      requests: this.responders.length,
      bytes: this.used,
      tenants: this.tenants,
      event_bytes_max,
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

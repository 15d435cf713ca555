/**
 * Identities of events (`event_id`): 128-bit hashes that are the same when an event is delivered again.
 *
 * - An event whose client names it: organization, project, environment, and the texts that the source scopes the name to.
 * - Any other: organization, project, environment, the element's bytes as sent, and its ordinal among identical elements of its
 *   request, so that two equal events in one batch are two events and the same batch sent again is the same two.
 *
 * The two kinds have different seeds, so that neither can be made to equal the other.
 */
import { assert } from '../../base/assert.ts';
import type { Identity } from '../../contract/source.ts';
import type { Tenant } from '../../contract/tenant.ts';
import { DIGEST_WORDS, type Kernel } from '../../kernel/kernel.ts';
import { DigestCounts } from './digest_counts.ts';

const BY_CONTENT_SEED = Uint32Array.of(0x70656e73, 0x746f636b, 1, 1);
const BY_NAME_SEED = Uint32Array.of(0x70656e73, 0x746f636b, 2, 1);

interface TenantSeeds {
  readonly by_content: Uint32Array;
  readonly by_name: Uint32Array;
}

export class Identities implements Identity {
  private readonly seeds = new WeakMap<Tenant, TenantSeeds>();
  private readonly digest = new Uint32Array(DIGEST_WORDS);
  /** Of the request in hand; only of requests with more than one element. */
  private readonly seen = new DigestCounts();
  private elements = 0;

  constructor(private readonly kernel: Kernel) {}

  /** Begins a request with so many elements; the kernel has its slab loaded and its elements found. */
  begin(elements: number): void {
    this.elements = elements;
    if (elements > 1) this.seen.begin(elements);
  }

  ofElement(index: number, tenant: Tenant): Uint32Array {
    assert(index < this.elements, 'BUG: an identity was asked for an element that the request does not have');
    const start = this.kernel.elementStart(index);
    this.kernel.hash(start, this.kernel.elementEnd(index) - start, this.seedsOf(tenant).by_content, this.digest, 0);
    if (this.elements > 1) this.applyOrdinal();
    return this.digest;
  }

  ofTexts(texts: readonly string[], tenant: Tenant): Uint32Array {
    this.kernel.hashTexts(texts, this.seedsOf(tenant).by_name, this.digest, 0);
    return this.digest;
  }

  /** The first of identical elements keeps its digest; the n-th after it is hashed on with n. */
  private applyOrdinal(): void {
    const ordinal = this.seen.add(this.digest);
    if (ordinal > 0) this.kernel.hashTexts([String(ordinal)], this.digest, this.digest, 0);
  }

  private seedsOf(tenant: Tenant): TenantSeeds {
    const known = this.seeds.get(tenant);
    if (known !== undefined) return known;
    const texts = [tenant.organization_id, tenant.project_id, tenant.environment];
    const seeds = { by_content: new Uint32Array(DIGEST_WORDS), by_name: new Uint32Array(DIGEST_WORDS) };
    this.kernel.hashTexts(texts, BY_CONTENT_SEED, seeds.by_content, 0);
    this.kernel.hashTexts(texts, BY_NAME_SEED, seeds.by_name, 0);
    this.seeds.set(tenant, seeds);
    return seeds;
  }
}

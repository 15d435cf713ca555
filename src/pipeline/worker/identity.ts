/**
 * Identities of events (`event_id`): 128-bit hashes that are the same when an event is delivered again.
 *
 * - An event whose client names it: organization, project, environment, and the texts that the source scopes the name to.
 * - Any other: organization, project, environment, the element's bytes as sent, and its ordinal among identical elements of its
 *   request, so that two equal events in one batch are two events and the same batch sent again is the same two.
 *
 * The two kinds have different seeds, so that neither can be made to equal the other.
 */
import type { Identity } from '../../contract/source.ts';
import type { Tenant } from '../../contract/tenant.ts';
import type { RequestConstants } from '../../kernel/body_reader.ts';
import { DIGEST_WORDS, type Kernel } from '../../kernel/kernel.ts';

const BY_CONTENT_SEED = Uint32Array.of(0x70656e73, 0x746f636b, 1, 1);
const BY_NAME_SEED = Uint32Array.of(0x70656e73, 0x746f636b, 2, 1);

interface TenantSeeds {
  readonly texts: readonly string[];
  readonly by_content: Uint32Array;
  readonly by_name: Uint32Array;
}

export class Identities implements Identity {
  private readonly seeds = new WeakMap<Tenant, TenantSeeds>();
  private readonly digest = new Uint32Array(DIGEST_WORDS);
  constructor(private readonly kernel: Kernel) {}

  /** What the kernel is to know of a request before its events are named. */
  requestConstants(tenant: Tenant, received_at_ms: number): RequestConstants {
    const { texts, by_content, by_name } = this.seedsOf(tenant);
    return { texts, seed: by_content, name_seed: by_name, received_at_ms };
  }

  ofElement(index: number): Uint32Array {
    const start = this.kernel.elementStart(index);
    this.kernel.identify(start, this.kernel.elementEnd(index) - start, this.digest);
    return this.digest;
  }

  ofTexts(texts: readonly string[], tenant: Tenant): Uint32Array {
    this.kernel.hashTexts(texts, this.seedsOf(tenant).by_name, this.digest, 0);
    return this.digest;
  }

  private seedsOf(tenant: Tenant): TenantSeeds {
    const known = this.seeds.get(tenant);
    if (known !== undefined) return known;
    const texts = [tenant.organization_id, tenant.project_id, tenant.environment];
    const seeds = { texts, by_content: new Uint32Array(DIGEST_WORDS), by_name: new Uint32Array(DIGEST_WORDS) };
    this.kernel.hashTexts(texts, BY_CONTENT_SEED, seeds.by_content, 0);
    this.kernel.hashTexts(texts, BY_NAME_SEED, seeds.by_name, 0);
    this.seeds.set(tenant, seeds);
    return seeds;
  }
}

/**
 * Identities of events that come one to a request. A fresh one is made of the slab's seed, which the main thread drew, and of an
 * ordinal: so a worker needs no randomness of its own, and the same slab gives the same blocks.
 */
import type { SingleIdentity, SingleRequest } from '../../contract/source.ts';
import type { Tenant } from '../../contract/tenant.ts';
import { DIGEST_WORDS, type Kernel } from '../../kernel/kernel.ts';
import type { Identities } from './identity.ts';

const FRESH_SEED = Uint32Array.of(0x70656e73, 0x746f636b, 3, 1);
const DIGEST_SEED = Uint32Array.of(0x70656e73, 0x746f636b, 4, 1);

export class SingleIdentities implements SingleIdentity {
  private readonly words = new Uint32Array(DIGEST_WORDS);
  private readonly word_bytes = Buffer.from(this.words.buffer);
  private readonly organizations = new WeakMap<Tenant, Tenant>();
  private seed = '';
  private ordinal = 0;

  constructor(
    private readonly kernel: Kernel,
    private readonly identities: Identities,
  ) {}

  /** Begins a slab whose bytes the kernel has loaded. */
  begin(seed: string): void {
    this.seed = seed;
    this.ordinal = 0;
  }

  fresh(): Uint32Array {
    this.ordinal++;
    this.kernel.hashTexts([this.seed, String(this.ordinal)], FRESH_SEED, this.words, 0);
    const [high_low, high_high, low_low, low_high] = this.words;
    return Uint32Array.of((high_low & 0xffff0fff) | 0x4000, high_high, low_low, (low_high & 0x3fffffff) | 0x80000000);
  }

  ofOrganization(texts: readonly string[], tenant: Tenant): Uint32Array {
    let organization = this.organizations.get(tenant);
    if (organization === undefined) {
      organization = { organization_id: tenant.organization_id, project_id: '', environment: '' };
      this.organizations.set(tenant, organization);
    }
    return this.identities.ofTexts(texts, organization);
  }

  bodyDigest({ offset, length }: SingleRequest): string {
    this.kernel.hash(offset, length, DIGEST_SEED, this.words, 0);
    return this.word_bytes.toString('hex');
  }
}

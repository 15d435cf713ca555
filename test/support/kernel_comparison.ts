/** Slabs of random bodies, read with the kernel and by the decoders alone: what comes out must not differ in a byte. */
import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import type { BodyFormat, Media } from '../../src/contract/format.ts';
import type { SlabTask } from '../../src/contract/slab.ts';
import type { Tenant } from '../../src/contract/tenant.ts';
import { Kernel } from '../../src/kernel/kernel.ts';
import { SlabProcessor } from '../../src/pipeline/worker/slab_processor.ts';
import { SOURCES } from '../../src/sources/list.ts';
import { HostileBodies } from './hostile_bodies.ts';
import { LikelyBodies } from './likely_bodies.ts';
import { type SeededRandom, seededRandom } from './seeded_random.ts';
import { createSlab, type Outcome, outcomes, TENANT } from './slabs.ts';

const BODIES_PER_SLAB = 16;
const TENANTS: readonly Tenant[] = [TENANT, { organization_id: 'é'.repeat(40), project_id: '', environment: 'live' }];

interface Answer {
  readonly outcomes: readonly Outcome[];
  readonly rejected: Readonly<Record<string, number>>;
  readonly blocks: Buffer;
}

function answer(processor: SlabProcessor, task: SlabTask): Answer {
  const result = processor.process(task);
  const { output, blocks, rejected } = result;
  const bytes = blocks.reduce((sum, block) => sum + block.bytes, 0);
  return { outcomes: outcomes(task, result), rejected, blocks: Buffer.from(Buffer.from(output, 0, bytes)) };
}

export class KernelComparison {
  /** Of the requests so far: with how many events, and which failed. */
  readonly seen = { requests: 0, failed: 0, accepted: 0, rejected: 0 };
  private readonly random: SeededRandom;
  private readonly hostile: HostileBodies;
  private readonly likely: LikelyBodies;
  private readonly with_kernel = new SlabProcessor(SOURCES, new Kernel());
  private readonly without = new SlabProcessor(SOURCES, new Kernel(), { uses_kernel_path: false });

  constructor(private readonly seed: number) {
    this.random = seededRandom(seed);
    this.hostile = new HostileBodies(this.random);
    this.likely = new LikelyBodies(this.random);
  }

  /** Compares one slab; returns how many bodies it had. */
  step(): number {
    const { below, pick } = this.random;
    const media = Array.from({ length: 1 + below(BODIES_PER_SLAB) }, () => pick<Media>(['json', 'json', 'json', 'ndjson']));
    const bodies = media.map((each) => (each === 'json' ? this.nextBody() : this.nextLines()));
    const priority_types = below(8) === 0 ? ['rollback', 'crash_on_update'] : undefined;
    this.compare(bodies, pick([1 << 20, 1 << 20, 1 << 20, 200, 1]), media, priority_types);
    return bodies.length;
  }

  private nextBody(): Buffer {
    return (this.random.below(2) === 0 ? this.hostile : this.likely).next();
  }

  private nextLines(): Buffer {
    return this.random.below(8) === 0 ? this.hostile.next() : this.likely.nextLines();
  }

  /** @param priority_types given: room is scarce */
  compare(bodies: readonly Buffer[], event_bytes_max: number, media: readonly Media[] = [], priority_types?: readonly string[]): void {
    const format_of = (index: number): BodyFormat => ({ media: media[index] ?? 'json', coding: 'identity' });
    const options = { tenants: TENANTS, tenant_of: (index: number) => index % 2, event_bytes_max };
    const create = (): SlabTask => ({
      ...createSlab(bodies, media.includes('ndjson') ? { ...options, format_of } : options),
      priority_types,
    });
    const fast = answer(this.with_kernel, create());
    const slow = answer(this.without, create());
    const is_same =
      isDeepStrictEqual(fast.outcomes, slow.outcomes) && isDeepStrictEqual(fast.rejected, slow.rejected) && fast.blocks.equals(slow.blocks);
    if (!is_same) this.fail(bodies, event_bytes_max, fast, slow);
    this.seen.requests += bodies.length;
    for (const outcome of slow.outcomes) {
      if ('failed' in outcome) this.seen.failed++;
      else {
        this.seen.accepted += outcome.accepted;
        this.seen.rejected += outcome.rejected;
      }
    }
  }

  /** Says what differs; to describe every slab that is the same would cost more than to compare them. */
  private fail(bodies: readonly Buffer[], event_bytes_max: number, fast: Answer, slow: Answer): never {
    const message = `seed=${this.seed} requests before=${this.seen.requests} event_bytes_max=${event_bytes_max}`;
    assert.deepEqual(fast.outcomes, slow.outcomes, `${message} ${this.describe(bodies, fast, slow)}`);
    assert.deepEqual(fast.rejected, slow.rejected, message);
    assert.fail(`blocks differ: ${message}`);
  }

  /** The first body whose outcomes differ. */
  private describe(bodies: readonly Buffer[], fast: Answer, slow: Answer): string {
    const index = bodies.findIndex((_, at) => JSON.stringify(fast.outcomes[at]) !== JSON.stringify(slow.outcomes[at]));
    return index < 0 ? '' : JSON.stringify(bodies[index].toString('latin1'));
  }
}

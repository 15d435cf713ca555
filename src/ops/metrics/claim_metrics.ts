/** Metrics of the registry: what became of claims, how long they took, what a commit costs and shares, and whether the registry is there. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { DurationHistogram } from './duration_histogram.ts';

const CLAIM_BUCKETS_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5];
const BATCH_BUCKETS = [1, 4, 16, 64, 256];

/** `local`: the embedded registry. `fleet`: the shared one, where there is one. */
export type RegistryName = 'local' | 'fleet';

export class ClaimMetrics {
  private readonly claims: Counter<'registry' | 'outcome'>;
  private readonly claim_duration: DurationHistogram;
  /** Of each registry and outcome since Prometheus last asked: prom-client's own counting is dear per request. */
  private readonly decisions = new Map<RegistryName, Map<string, number>>();
  private readonly commit_duration: Histogram<'registry'>;
  private readonly commit_claims: Histogram<'registry'>;
  private readonly failures: Counter<'registry'>;
  private readonly up: Gauge<'registry'>;

  constructor(registry: Registry) {
    const common = <Label extends string>(name: string, help: string, labels: Label[]) => ({
      name: `penstock_registry_${name}`,
      help,
      labelNames: labels,
      registers: [registry],
    });
    this.claims = new Counter({
      ...common('claims_total', 'Requests with claims, by what became of them.', ['registry', 'outcome']),
      collect: () => this.bringUp(),
    });
    this.claim_duration = new DurationHistogram({
      name: 'penstock_registry_claim_duration_seconds',
      help: 'Time until a request with claims was decided, waits for others included.',
      label: 'registry',
      bounds_s: CLAIM_BUCKETS_S,
    });
    this.commit_duration = new Histogram({
      ...common('commit_duration_seconds', 'Time of one durable commit of claims.', ['registry']),
      buckets: CLAIM_BUCKETS_S,
    });
    this.commit_claims = new Histogram({
      ...common('commit_claims', 'Requests that shared one commit.', ['registry']),
      buckets: BATCH_BUCKETS,
    });
    this.failures = new Counter(common('failures_total', 'Tries of the registry that failed.', ['registry']));
    this.up = new Gauge(common('up', '1 when the registry took what it was last asked, 0 when it did not.', ['registry']));
  }

  /** @param outcome one of a fixed few, see `DeskObserver` */
  decided(registry: RegistryName, outcome: string, wait_ms: number): void {
    let outcomes = this.decisions.get(registry);
    if (outcomes === undefined) {
      outcomes = new Map();
      this.decisions.set(registry, outcomes);
    }
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    this.claim_duration.series(registry).observe(wait_ms / 1000);
  }

  /** What prom-client does not print, in the same format. */
  text(): string {
    return this.claim_duration.text();
  }

  committed(registry: RegistryName, claims: number, duration_ms: number): void {
    this.up.set({ registry }, 1);
    this.commit_duration.observe({ registry }, duration_ms / 1000);
    if (claims > 0) this.commit_claims.observe({ registry }, claims);
  }

  failed(registry: RegistryName): void {
    this.up.set({ registry }, 0);
    this.failures.inc({ registry });
  }
  private bringUp(): void {
    for (const [registry, outcomes] of this.decisions) {
      for (const [outcome, count] of outcomes) this.claims.inc({ registry, outcome }, count);
      outcomes.clear();
    }
  }
}

/** The registry that /metrics prints, with the process's own figures: memory, CPU, heap, garbage collection, event loop lag. */
import { collectDefaultMetrics, Registry } from 'prom-client';

/** Of prom-client's own metrics, those whose names break Prometheus' conventions (a gauge must not end in `_total`), and those that nobody has asked for yet. */
const LEFT_OUT = [
  ...['active_handles', 'active_requests', 'active_resources'].flatMap((name) => [name, `${name}_total`]),
  ...['size_total', 'size_used', 'size_available'].map((name) => `heap_space_${name}_bytes`),
  ...['min', 'mean', 'stddev', 'p50'].map((name) => `eventloop_lag_${name}_seconds`),
];
const COLLECTION_BUCKETS_S = [0.01, 0.1];

export function createRegistry(): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix: 'penstock_', gcDurationBuckets: COLLECTION_BUCKETS_S });
  for (const name of LEFT_OUT) registry.removeSingleMetric(`penstock_nodejs_${name}`);
  return registry;
}

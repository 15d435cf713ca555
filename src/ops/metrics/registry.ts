/** The registry that /metrics prints, with the process's own figures: memory, CPU, heap, garbage collection, event loop lag. */
import { collectDefaultMetrics, Registry } from 'prom-client';

/** Of prom-client's own metrics, those whose names break Prometheus' conventions: a gauge must not end in `_total`. */
const MISNAMED = ['active_handles', 'active_requests', 'active_resources'];

export function createRegistry(): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix: 'penstock_' });
  for (const name of MISNAMED) {
    registry.removeSingleMetric(`penstock_nodejs_${name}`);
    registry.removeSingleMetric(`penstock_nodejs_${name}_total`);
  }
  return registry;
}

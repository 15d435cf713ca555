/** Whether the daemon is ready, as a metric: what no counter shows of a daemon that nobody sends to. */
import { Gauge, type Registry } from 'prom-client';

export function addReadiness(registry: Registry, is_ready: () => boolean): void {
  const ready: Gauge = new Gauge({
    name: 'penstock_ready',
    help: '1 when events can be acknowledged, else 0; GET /readyz says why.',
    registers: [registry],
    collect: () => ready.set(Number(is_ready())),
  });
}

/** Metrics of the stream: its connections, and what became of their messages. */
import { Counter, Gauge, type Registry } from 'prom-client';

const FATES = ['acknowledged', 'repeated', 'refused', 'deferred'];
/** Close codes that have a label of their own; clients may send any other. */
const CODES: ReadonlySet<number> = new Set([1000, 1001, 1005, 1006, 1008, 1009, 1012]);

export class StreamMetrics {
  private readonly messages: Counter<'fate'>;
  private readonly ended: Counter<'code'>;

  constructor(registry: Registry, read_connections: () => number) {
    const registers = [registry];
    this.messages = new Counter({
      name: 'penstock_stream_messages_total',
      help: 'Messages of WebSocket connections: acknowledged, repeated (answered from memory), refused for good, or deferred (to be sent again).',
      labelNames: ['fate'],
      registers,
    });
    this.ended = new Counter({
      name: 'penstock_stream_connections_ended_total',
      help: 'WebSocket connections that ended, by close code; 1006 is a connection that was cut off.',
      labelNames: ['code'],
      registers,
    });
    const connections: Gauge = new Gauge({
      name: 'penstock_stream_connections',
      help: 'WebSocket connections that are open.',
      registers,
      collect: () => connections.set(read_connections()),
    });
    for (const fate of FATES) this.messages.inc({ fate }, 0);
  }

  messageSettled(fate: string): void {
    this.messages.inc({ fate });
  }

  connectionEnded(code: number): void {
    this.ended.inc({ code: CODES.has(code) ? String(code) : 'other' });
  }
}

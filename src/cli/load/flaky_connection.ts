/**
 * A bad network before a connection: it is slow, it breaks before a batch, in the midst of one, and behind it, when the batch is stored
 * and only its answer is lost. Whoever sends again then must not be counted twice.
 */
import type { Clock, Random } from '../../contract/ports.ts';
import type { Connection } from './connection.ts';
import type { HttpAnswer } from './http_answer.ts';
import { NoAnswer } from './http_connection.ts';

/** What happens to a batch, and how often; to the rest nothing does. */
const SHARES = { slow: 0.1, broken_before: 0.04, broken_in_flight: 0.08, answer_lost: 0.08 };
const SLOW_MS_MAX = 200;
const IN_FLIGHT_MS_MAX = 10;

export class FlakyConnection implements Connection {
  constructor(
    private readonly connection: Connection,
    private readonly ports: { readonly clock: Clock; readonly random: Pick<Random, 'fraction'> },
  ) {}

  async send(bytes: Uint8Array, seq: number): Promise<HttpAnswer> {
    switch (this.draw()) {
      case 'slow':
        await this.wait(SLOW_MS_MAX);
        break;
      case 'broken_before':
        this.connection.close();
        break;
      case 'broken_in_flight': {
        const timer = this.ports.clock.schedule(this.ports.random.fraction() * IN_FLIGHT_MS_MAX, () => this.connection.close());
        return await this.connection.send(bytes, seq).finally(() => timer.cancel());
      }
      case 'answer_lost':
        await this.connection.send(bytes, seq);
        this.connection.close();
        throw new NoAnswer('lost', 'the bad network lost the answer');
    }
    return await this.connection.send(bytes, seq);
  }

  expire(answer_ms_max: number): void {
    this.connection.expire(answer_ms_max);
  }

  close(): void {
    this.connection.close();
  }

  private draw(): string | undefined {
    let luck = this.ports.random.fraction();
    for (const [what, share] of Object.entries(SHARES)) {
      luck -= share;
      if (luck < 0) return what;
    }
    return undefined;
  }

  private wait(ms_max: number): Promise<void> {
    return new Promise((resolve) => {
      this.ports.clock.schedule(this.ports.random.fraction() * ms_max, resolve);
    });
  }
}

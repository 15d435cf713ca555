/**
 * Plays a fleet against one daemon: takes batches from the event stream and sends each, over a fixed number of connections,
 * until it is acknowledged. Bounded in every direction: one buffer per connection, ten tries per batch, an end to waiting.
 */
import type { Clock, Random } from '../../contract/ports.ts';
import type { Encoding, Transport } from './body_form.ts';
import type { Connection } from './connection.ts';
import { FlakyConnection } from './flaky_connection.ts';
import { FleetTraffic } from './fleet_traffic.ts';
import { HttpConnection, NoAnswer } from './http_connection.ts';
import { type Pace, Schedule } from './schedule.ts';
import { Sleepers } from './sleepers.ts';
import { StreamConnection } from './stream_connection.ts';
import { Tally } from './tally.ts';
import type { Destination, Traffic } from './traffic.ts';
import { backoffMs, judgeAnswer, type Verdict } from './verdict.ts';

export interface LoadPlan extends Pace, Destination {
  readonly seed: number;
  readonly devices: number;
  readonly connections: number;
  readonly transport: Transport;
  readonly encoding: Encoding;
  readonly network: Network;
}

export const NETWORKS = ['good', 'flaky'] as const;
export type Network = (typeof NETWORKS)[number];

export interface LoadOutcome {
  readonly tally: Tally;
  readonly duration_ms: number;
  /** Why the load ended before it was played; undefined when it was. */
  readonly stopped: string | undefined;
}

export interface LoadPorts {
  readonly clock: Clock;
  /** For the spread of retries; what is sent depends on the seed alone. */
  readonly random: Pick<Random, 'fraction'>;
}

/** A batch as it goes out, each time the same. */
interface FilledBatch {
  readonly request: Uint8Array;
  /** Its number on its connection. */
  readonly seq: number;
  readonly events: number;
}

const ATTEMPTS_MAX = 10;
const ANSWER_MS_MAX = 30_000;
/** How long batches in flight at the end may still take. */
const DRAIN_MS_MAX = 30_000;
const WATCH_EVERY_MS = 500;

export class LoadRun {
  readonly tally = new Tally();
  private readonly ports: LoadPorts;
  private readonly traffic: Traffic;
  private readonly schedule: Schedule;
  private readonly connections: readonly Connection[];
  /** Connections that wait until their batch is due, and those that wait before they try again. */
  private readonly pacing: Sleepers;
  private readonly retrying: Sleepers;
  private readonly start_ms: number;
  private stopped: string | undefined;
  /** Set once no new batch is sent: when waiting for the rest ends. */
  private drain_until_ms: number | undefined;
  private given_up = false;

  /** The schedule starts now; call `run` at once. */
  constructor(plan: LoadPlan, ports: LoadPorts, traffic: Traffic = new FleetTraffic(plan)) {
    this.ports = ports;
    this.traffic = traffic;
    this.connections = Array.from({ length: plan.connections }, (_, index) => connectionOf(plan, ports, index));
    this.pacing = new Sleepers(ports.clock);
    this.retrying = new Sleepers(ports.clock);
    this.start_ms = ports.clock.monotonicMs();
    this.schedule = new Schedule(plan, this.start_ms);
  }

  /** Plays the load. Resolves when every batch has its fate; never rejects for what the network or the daemon does. */
  async run(): Promise<LoadOutcome> {
    const watch = (): void => {
      this.watch();
      timer = this.ports.clock.schedule(WATCH_EVERY_MS, watch);
    };
    let timer = this.ports.clock.schedule(WATCH_EVERY_MS, watch);
    try {
      await Promise.all(this.connections.map((connection) => this.play(connection)));
    } finally {
      timer.cancel();
      for (const connection of this.connections) connection.close();
    }
    return { tally: this.tally, duration_ms: this.elapsedMs(), stopped: this.stopped };
  }

  /** Sends no new batch; what is in flight has half a minute to be acknowledged. The first reason stays. */
  stop(reason: string): void {
    this.stopped ??= reason;
    this.pacing.wakeAll();
  }

  elapsedMs(): number {
    return this.ports.clock.monotonicMs() - this.start_ms;
  }

  /** How much of the load is played, 0 to 1. */
  progress(): number {
    return this.schedule.progress(this.ports.clock.monotonicMs(), this.tally.sent_events);
  }

  private async play(connection: Connection): Promise<void> {
    const { clock } = this.ports;
    const requests = this.traffic.createRequests();
    for (let seq = 1; ; seq++) {
      const now_ms = clock.monotonicMs();
      const batch = this.stopped === undefined ? this.schedule.next(now_ms) : undefined;
      if (batch === undefined) break;
      if (batch.due_ms > now_ms) await this.pacing.sleep(batch.due_ms - now_ms);
      if (this.stopped !== undefined) break;
      const request = requests.next(batch.events, seq);
      this.tally.countSent(batch.events, request.length);
      // A batch that waited for a free connection began when it was due: a slow daemon must not hide its own delays.
      const start_ms = batch.due_ms < now_ms ? batch.due_ms : clock.monotonicMs();
      await this.deliver(connection, { request, seq, events: batch.events }, start_ms);
    }
  }

  /** Sends a batch until it is acknowledged, refused, or given up. */
  private async deliver(connection: Connection, batch: FilledBatch, start_ms: number): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const verdict = await this.attempt(connection, batch, attempt);
      if (verdict.kind === 'acknowledged') {
        this.tally.countAcknowledged(verdict.accepted, verdict.rejected, this.ports.clock.monotonicMs() - start_ms);
        return;
      }
      if (verdict.kind === 'refused') return this.stop(`a batch was refused: ${verdict.reason}`);
      if (attempt === ATTEMPTS_MAX) return this.stop(`gave up a batch after ${ATTEMPTS_MAX} tries: ${verdict.reason}`);
      await this.retrying.sleep(verdict.delay_ms);
      if (this.given_up) return this.stop(`gave up what was not acknowledged ${DRAIN_MS_MAX / 1000} s after the end: ${verdict.reason}`);
      this.tally.retries += 1;
    }
  }

  private async attempt(connection: Connection, { request, seq, events }: FilledBatch, attempt: number): Promise<Verdict> {
    try {
      const answer = await connection.send(request, seq);
      this.tally.countAnswer(String(answer.status));
      return judgeAnswer(answer, events, attempt, this.ports.random, this.traffic);
    } catch (problem) {
      if (!(problem instanceof NoAnswer)) throw problem;
      this.tally.countAnswer(problem.code);
      if (problem.code === 'malformed') return { kind: 'refused', reason: problem.message };
      return { kind: 'retry', delay_ms: backoffMs(attempt, this.ports.random), reason: problem.message };
    }
  }

  /** Ends what takes too long: an answer, and the wait for what is in flight after the last batch went out. */
  private watch(): void {
    const now_ms = this.ports.clock.monotonicMs();
    for (const connection of this.connections) connection.expire(ANSWER_MS_MAX);
    const more_to_send = this.pacing.count() > 0 || (this.stopped === undefined && !this.schedule.isOver(now_ms));
    if (more_to_send) return;
    this.drain_until_ms ??= now_ms + DRAIN_MS_MAX;
    if (now_ms < this.drain_until_ms) return;
    this.given_up = true;
    for (const connection of this.connections) connection.close();
    this.retrying.wakeAll();
  }
}

function connectionOf(plan: LoadPlan, ports: LoadPorts, index: number): Connection {
  const { address, key, transport, encoding, network } = plan;
  const session = `load-${plan.seed}-${Math.floor(ports.random.fraction() * 2 ** 32)}-${index}`;
  const connection =
    transport === 'ws'
      ? new StreamConnection({ address, key, session, is_binary: encoding === 'msgpack' }, ports.clock)
      : new HttpConnection(address, ports.clock);
  return network === 'flaky' ? new FlakyConnection(connection, ports) : connection;
}

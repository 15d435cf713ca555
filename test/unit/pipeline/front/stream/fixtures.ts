/** A session of the stream on a bench: its socket writes down what it is told, and its pipeline answers when a test says so. */
import assert from 'node:assert/strict';
import type { Meter } from '../../../../../src/contract/rate.ts';
import type { Submission } from '../../../../../src/contract/responder.ts';
import { ByteBudget } from '../../../../../src/pipeline/front/byte_budget.ts';
import { SessionBook, type SessionMemory } from '../../../../../src/pipeline/front/stream/resume.ts';
import { type StreamLimits, StreamSession } from '../../../../../src/pipeline/front/stream/session.ts';
import { WorkInHand } from '../../../../../src/pipeline/front/work_in_hand.ts';
import { ManualClock } from '../../../../support/manual_clock.ts';

export const TENANT = { organization_id: 'o', project_id: 'p', environment: 'live' };
export const LIMITS: StreamLimits = { message_bytes_max: 100, window_messages: 3, window_bytes: 150 };

/** A session between a socket that writes down what it is told, and a pipeline that answers when the test says so. */
export class Bench {
  meter: Meter | undefined;
  readonly clock = new ManualClock(1000);
  readonly budget = new ByteBudget(200);
  readonly work = new WorkInHand({ turnMs: () => 0 });
  readonly book: SessionBook;
  readonly submitted: { submission: Submission; body: string }[] = [];
  readonly fates: string[] = [];
  in_flight = 0;
  worked_off_bytes = 0;
  key_counts = true;

  constructor() {
    this.book = new SessionBook(this.clock, { answers_max: 3, answers_in_all_max: 20, age_ms_max: 60_000 });
  }

  connect(memory?: SessionMemory, wants_hello = false): { session: StreamSession; sent: string[]; ends: string[]; sends: number[] } {
    const sent: string[] = [];
    const ends: string[] = [];
    const sends: number[] = [];
    const session = new StreamSession(
      {
        clock: this.clock,
        budget: this.budget,
        work: this.work,
        limits: () => LIMITS,
        submit: (submission, body) => this.submitted.push({ submission, body: String(body) }),
        inFlight: (change) => {
          this.in_flight += change;
        },
        workedOff: (bytes) => {
          this.worked_off_bytes += bytes;
        },
        retryAfterMs: () => 2000,
        lookupKey: () => (this.key_counts ? { ...TENANT, key_id: 'key' } : undefined),
        settled: (fate) => this.fates.push(fate),
      },
      {
        send: (messages) => {
          sent.push(...messages);
          sends.push(messages.length);
        },
        end: (code, reason) => ends.push(`${code} ${reason}`),
      },
      { tenant: TENANT, presented_key: 'k', key_use: 'deploy', source: 0, route: 0, meter: () => this.meter, memory, wants_hello },
    );
    return { session, sent, ends, sends };
  }

  submission(index: number): Submission {
    const entry = this.submitted[index];
    assert.ok(entry, `message ${index} was not submitted`);
    return entry.submission;
  }
}

export function message(seq: number, padding = ''): Buffer {
  return Buffer.from(JSON.stringify({ seq, padding }));
}

/** What a session sends leaves at the end of the turn. */
export async function settle(): Promise<void> {
  await Promise.resolve();
}

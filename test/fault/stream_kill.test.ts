/** kill -9 of a daemon whose streams are busy: what was acknowledged is in ClickHouse, and what was sent again counts once. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { DaemonHome, type RunningDaemon } from '../support/daemon.ts';
import { StreamClient } from '../support/stream_client.ts';
import { until } from '../support/until.ts';

const PHONES = 8;
const MESSAGE_EVENTS = 5;
const KILLS = 3;
const IN_HAND = 4;
const RETRY_MS = 50;

/** Sends one message after the other, a few of them unanswered, and sends again what has no answer whenever the connection breaks. */
class Phone {
  readonly acknowledged = new Set<number>();
  private readonly waiting = new Map<number, string>();
  private sent = 0;
  private is_sending = true;

  constructor(
    private readonly name: string,
    private readonly url: string,
  ) {}

  sentEvents(): number {
    return this.sent * MESSAGE_EVENTS;
  }

  /** Sends nothing new; what has no answer is still sent again. */
  stop(): void {
    this.is_sending = false;
  }

  /** Waits for no answer any more. */
  abandon(): void {
    this.stop();
    this.waiting.clear();
  }

  async run(): Promise<void> {
    while (this.is_sending || this.waiting.size > 0) {
      const client = await StreamClient.open(this.url).catch(() => undefined);
      if (client === undefined) await setTimeout(RETRY_MS);
      else await this.talk(client);
    }
  }

  private async talk(client: StreamClient): Promise<void> {
    for (const message of this.waiting.values()) client.send(message);
    let read = 0;
    while (client.ended === undefined && (this.is_sending || this.waiting.size > 0)) {
      for (; read < client.answers.length; read++) {
        const { seq, accepted } = client.answers[read] ?? {};
        if (accepted !== MESSAGE_EVENTS || typeof seq !== 'number') continue;
        this.acknowledged.add(seq);
        this.waiting.delete(seq);
      }
      if (this.is_sending) while (this.waiting.size < IN_HAND) client.send(this.next());
      await setTimeout(2);
    }
    client.cut();
  }

  private next(): string {
    const seq = ++this.sent;
    const events = Array.from({ length: MESSAGE_EVENTS }, (_, index) => ({
      event_type: 'apply_success',
      release_id: 'rel_1',
      distinct_id: `${this.name}-${seq}-${index}`,
    }));
    const message = JSON.stringify({ seq, events });
    this.waiting.set(seq, message);
    return message;
  }
}

function acknowledgedEvents(phones: readonly Phone[]): number {
  return phones.reduce((sum, { acknowledged }) => sum + acknowledged.size * MESSAGE_EVENTS, 0);
}

test('acknowledged messages survive kill -9, and sent = acknowledged = in ClickHouse once phones have sent again', async (context) => {
  const home = await DaemonHome.create(context);
  const key = await home.createKey('deploy');
  let daemon: RunningDaemon = await home.start();
  const url = `${daemon.url('/api/deploy/stream')}?key=${key}`;
  const phones = Array.from({ length: PHONES }, (_, index) => new Phone(`phone-${index}`, `${url}&session=phone-${index}`));
  const running = phones.map((phone) => phone.run());
  context.after(() => {
    for (const phone of phones) phone.abandon();
  });
  for (let kill = 0; kill < KILLS; kill++) {
    const before = acknowledgedEvents(phones);
    await until('messages are acknowledged', 20_000, () => acknowledgedEvents(phones) > before + 200);
    await daemon.stop('SIGKILL');
    daemon = await home.start();
  }
  for (const phone of phones) phone.stop();
  await Promise.all(running);
  const sent = phones.reduce((sum, phone) => sum + phone.sentEvents(), 0);
  assert.equal(acknowledgedEvents(phones), sent);
  await until('every event is in ClickHouse once', 30_000, async () => {
    const [row] = await daemon.query<{ ids: string }>(
      "SELECT toString(uniqExact(event_id)) AS ids FROM deploy_events WHERE distinct_id LIKE 'phone-%'",
    );
    return Number(row?.ids) === sent;
  });
});

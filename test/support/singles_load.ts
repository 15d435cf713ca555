/**
 * A load of requests that bring one event each, pipelines' and webhooks', whose every row can be checked: an event follows from its number. A
 * webhook without an answer is sent again until it has one, as its sender does, and must stand in the table once all the same; a
 * pipeline goes on with its next version.
 */
import { setTimeout } from 'node:timers/promises';
import type { Audit, Endpoint } from './device_load.ts';

const AFTER_REFUSAL_MS = 20;
/** A request that a dying daemon swallowed without a word. */
const ANSWER_MS_MAX = 10_000;

interface Sender {
  readonly path: string;
  readonly key: string;
  readonly is_repeated: boolean;
  /** The request's body. */
  body(number: number): string;
  /** What `rows` reads of its row. */
  row(number: number): string;
  /** Reads the whole table, each row as `text`. */
  readonly rows: string;
}

function webhooks(key: string): Sender {
  const body = (number: number): string => {
    const issue = { key: `A-${number}`, summary: `line\n\nDROP TABLE x; -- "'\\ ü ${number}`, severity: number % 2 === 0 ? 'high' : 'low' };
    return JSON.stringify({ id: `hook-${number}`, type: 'issue.created', payload: { app: { key: 'A' }, issue } });
  };
  return {
    path: '/webhooks/bugsee',
    key,
    is_repeated: true,
    body,
    row: (number) => `hook-${number} A-${number} 1 ${body(number)}`,
    rows: "SELECT concat(id, ' ', issue_key, ' ', toString(valid), ' ', body_raw) AS text FROM webhook_events",
  };
}

function pipeline(key: string): Sender {
  const event = (number: number) => ({ product_name: `product-${number % 5}`, version: `1.${number}`, scm_sha: `sha-${number}` });
  return {
    path: '/build-events/',
    key,
    is_repeated: false,
    body: (number) => JSON.stringify({ ...event(number), status: 'completed' }),
    row: (number) => Object.values(event(number)).join(' '),
    rows: "SELECT concat(product_name, ' ', version, ' ', scm_sha) AS text FROM build_events",
  };
}

/** One sender, its requests one after the other, and what became of them. */
class Stream {
  private sent = 0;
  private readonly acknowledged = new Set<number>();

  constructor(
    private readonly endpoint: Endpoint,
    private readonly sender: Sender,
  ) {}

  async run(goes_on: () => boolean): Promise<void> {
    while (goes_on()) {
      const number = this.sent++;
      while (!(await this.isAcknowledged(number)) && this.sender.is_repeated && goes_on());
    }
  }

  /** Reads the table back, every row. */
  async audit(): Promise<Audit> {
    const found = new Map<string, number>();
    const rows = await this.endpoint.query<{ text: string }>(this.sender.rows);
    for (const { text } of rows) found.set(text, (found.get(text) ?? 0) + 1);
    let in_clickhouse = 0;
    let duplicates = 0;
    let lost = 0;
    for (let number = 0; number < this.sent; number++) {
      const count = found.get(this.sender.row(number)) ?? 0;
      in_clickhouse += Math.min(count, 1);
      duplicates += Math.max(count - 1, 0);
      lost += Number(count === 0 && this.acknowledged.has(number));
    }
    const { sent, acknowledged } = this;
    return { sent, acknowledged: acknowledged.size, in_clickhouse, duplicates, lost, wrong: rows.length - in_clickhouse - duplicates };
  }

  private async isAcknowledged(number: number): Promise<boolean> {
    const { path, key } = this.sender;
    const answer = await Promise.race([
      this.endpoint.post(path, this.sender.body(number), { authorization: `Bearer ${key}` }).catch(() => undefined),
      setTimeout(ANSWER_MS_MAX, undefined, { ref: false }),
    ]);
    if (answer?.status === 200) this.acknowledged.add(number);
    else await setTimeout(AFTER_REFUSAL_MS);
    return answer?.status === 200;
  }
}

/** A sender of each kind, one request at a time. */
export class SinglesLoad {
  private readonly streams: readonly Stream[];
  private is_sending = false;
  private sending: Promise<unknown> = Promise.resolve();

  constructor(endpoint: Endpoint, keys: { readonly webhook: string; readonly events: string }) {
    this.streams = [webhooks(keys.webhook), pipeline(keys.events)].map((sender) => new Stream(endpoint, sender));
  }

  start(): void {
    this.is_sending = true;
    this.sending = Promise.all(this.streams.map((stream) => stream.run(() => this.is_sending)));
  }

  async stop(): Promise<void> {
    this.is_sending = false;
    await this.sending;
  }

  /** Of each sender. */
  audits(): Promise<Audit[]> {
    return Promise.all(this.streams.map((stream) => stream.audit()));
  }
}

/**
 * A load whose every row can be checked: devices send batches of events that follow from their place alone (device, batch, position), never
 * the same twice, and remember which batches were acknowledged. The audit reads every row back and compares it with what its place says.
 */
import { setTimeout } from 'node:timers/promises';

const BATCH_EVENTS = 20;
/** Batches that share a `release_id`, which is what the audit pages by. */
const PAGE_BATCHES = 500;
const AFTER_REFUSAL_MS = 20;
/** A request that a dying daemon swallowed without a word. */
const ANSWER_MS_MAX = 10_000;
const EVENT_TYPES = ['download_complete', 'apply_success', 'rollback', 'crash_on_update'];

/** What the audit reads of a row, as the sender meant it. */
interface Row {
  readonly event_type: string;
  readonly release_id: string;
  readonly distinct_id: string;
  readonly app_version: string;
  readonly bundle_label: string;
  readonly platform: string;
  readonly metadata: Readonly<Record<string, string>>;
}

export interface Audit {
  readonly sent: number;
  readonly acknowledged: number;
  /** Different events in the table; more than acknowledged where an answer was lost on its way. */
  readonly in_clickhouse: number;
  /** Rows beyond the first of an event; no event is sent twice. */
  readonly duplicates: number;
  /** Acknowledged and not in the table. */
  readonly lost: number;
  /** Rows that are not what was sent. */
  readonly wrong: number;
}

/** Where requests go, and rows come from; the daemon behind it may die and come back. */
export interface Endpoint {
  post(path: string, body: string, headers: Readonly<Record<string, string>>): Promise<{ readonly status: number }>;
  query<Result>(sql: string): Promise<Result[]>;
}

class Device {
  sent_batches = 0;
  readonly acknowledged = new Set<number>();

  constructor(
    private readonly name: string,
    private readonly padding: string,
  ) {}

  get pages(): number {
    return Math.ceil(this.sent_batches / PAGE_BATCHES);
  }

  takeBatch(): { batch: number; body: string } {
    const batch = this.sent_batches++;
    const events = Array.from({ length: BATCH_EVENTS }, (_, position) => this.row(batch, position));
    return { batch, body: JSON.stringify({ events }) };
  }

  release(page: number): string {
    return `${this.name}-page-${page}`;
  }

  /** The event at a place. Its label has what has broken pipelines before: blank lines, quotes, SQL, more than ASCII. */
  row(batch: number, position: number): Row {
    const place = `${batch}-${position}`;
    return {
      event_type: EVENT_TYPES[(batch + position) % EVENT_TYPES.length] ?? '',
      release_id: this.release(Math.floor(batch / PAGE_BATCHES)),
      distinct_id: `${this.name}-${place}`,
      app_version: `1.${batch % 7}.${position}`,
      bundle_label: `label ${place}\n\nDROP TABLE x; -- "'\\ ü${this.padding}`,
      platform: position % 2 === 0 ? 'ios' : 'android',
      metadata: { place, text: 'm'.repeat(position) },
    };
  }
}

export interface LoadShape {
  readonly devices: number;
  /** Makes each event so much longer. */
  readonly padding_bytes?: number;
  /** After each batch that was taken; 0 when absent: as fast as it goes, which costs the machine all that it has. */
  readonly pause_ms?: number;
}

/** The devices, their sending, and what became of what they sent. */
export class DeviceLoad {
  private readonly devices: readonly Device[];
  private is_sending = false;
  private sending: Promise<unknown> = Promise.resolve();
  refused = 0;
  private readonly pause_ms: number;

  constructor(
    private readonly endpoint: Endpoint,
    private readonly key: string,
    { devices, padding_bytes = 0, pause_ms = 0 }: LoadShape,
  ) {
    const padding = 'p'.repeat(padding_bytes);
    this.devices = Array.from({ length: devices }, (_, index) => new Device(`device-${index}`, padding));
    this.pause_ms = pause_ms;
  }

  /** Sends until `stop`, each device one request after the other, whether somebody answers or not. */
  start(): void {
    this.is_sending = true;
    this.sending = Promise.all(this.devices.map((device) => this.run(device)));
  }

  async stop(): Promise<void> {
    this.is_sending = false;
    await this.sending;
  }

  acknowledgedEvents(): number {
    return this.devices.reduce((sum, { acknowledged }) => sum + acknowledged.size * BATCH_EVENTS, 0);
  }

  /** Reads the table back, every row. */
  async audit(): Promise<Audit> {
    const audit = { sent: 0, acknowledged: this.acknowledgedEvents(), in_clickhouse: 0, duplicates: 0, lost: 0, wrong: 0 };
    for (const device of this.devices) {
      audit.sent += device.sent_batches * BATCH_EVENTS;
      for (let page = 0; page < device.pages; page++) {
        const found = await this.auditPage(device, page);
        audit.in_clickhouse += found.present;
        audit.duplicates += found.duplicates;
        audit.lost += found.lost;
      }
    }
    const [{ rows } = { rows: 0 }] = await this.endpoint.query<{ rows: number | string }>('SELECT count() AS rows FROM deploy_events');
    audit.wrong = Number(rows) - audit.in_clickhouse - audit.duplicates;
    return audit;
  }

  private async run(device: Device): Promise<void> {
    const headers = { 'x-api-key': this.key };
    while (this.is_sending) {
      const { batch, body } = device.takeBatch();
      const answer = await Promise.race([
        this.endpoint.post('/api/deploy/report', body, headers).catch(() => undefined),
        setTimeout(ANSWER_MS_MAX, undefined, { ref: false }),
      ]);
      if (answer?.status === 202) {
        device.acknowledged.add(batch);
        if (this.pause_ms > 0) await setTimeout(this.pause_ms);
        continue;
      }
      this.refused++;
      await setTimeout(AFTER_REFUSAL_MS);
    }
  }

  private async auditPage(device: Device, page: number): Promise<{ present: number; duplicates: number; lost: number }> {
    const rows = await this.endpoint.query<Row>(
      `SELECT event_type, release_id, distinct_id, app_version, bundle_label, platform, metadata FROM deploy_events
       WHERE release_id = '${device.release(page)}' AND organization_id = 'org_test' AND project_id = 'proj_test' AND metadata_raw = ''`,
    );
    const found = new Map<string, number>();
    for (const row of rows) {
      const text = textOf(row);
      found.set(text, (found.get(text) ?? 0) + 1);
    }
    let present = 0;
    let lost = 0;
    const end_batch = Math.min((page + 1) * PAGE_BATCHES, device.sent_batches);
    for (let batch = page * PAGE_BATCHES; batch < end_batch; batch++) {
      for (let position = 0; position < BATCH_EVENTS; position++) {
        const is_present = found.delete(textOf(device.row(batch, position)));
        present += Number(is_present);
        lost += Number(!is_present && device.acknowledged.has(batch));
      }
    }
    // What is left was not sent like this, and is no second row of what was.
    return { present, lost, duplicates: rows.length - present - found.size };
  }
}

/** A row as text, whatever the order in which its fields were read. */
function textOf({ event_type, release_id, distinct_id, app_version, bundle_label, platform, metadata }: Row): string {
  const { place, text } = metadata;
  return JSON.stringify([event_type, release_id, distinct_id, app_version, bundle_label, platform, place, text]);
}

/**
 * Owner of `quotas.json`, which carries the day's counts over a restart: `{"version":1,"day":N,"events":{key_id:n}}`.
 *
 * It is written when it has changed, every few seconds and at the end, so that a crash forgets a few seconds of a day. It is never
 * a reason not to run: a file that is missing, damaged or cannot be written costs the counts and is reported.
 */
import { open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { judgeOf } from '../../base/schema.ts';
import type { Clock, Timer } from '../../contract/ports.ts';
import type { DayCounts, KeyMeters } from './key_meters.ts';

export const QUOTA_FILE_NAME = 'quotas.json';
const SAVE_MS = 5_000;

interface QuotaFileContent extends DayCounts {
  readonly version: 1;
}

export const QUOTA_FILE_SCHEMA = {
  type: 'object',
  required: ['version', 'day', 'events'],
  additionalProperties: false,
  properties: {
    version: { const: 1 },
    day: { type: 'integer' },
    events: { type: 'object', additionalProperties: { type: 'integer', minimum: 0 } },
  },
};

const is_quota_file = judgeOf<QuotaFileContent>(QUOTA_FILE_SCHEMA);

export class QuotaBook {
  private readonly path: string;
  private saved = '';
  private timer: Timer | undefined;
  private saving: Promise<void> = Promise.resolve();
  private is_failing = false;
  private is_stopped = false;

  /** @param parts `failed` is told once, until a write succeeds again */
  constructor(
    data_dir: string,
    private readonly parts: { readonly meters: KeyMeters; readonly clock: Clock; readonly failed: (reason: string) => void },
  ) {
    this.path = join(data_dir, QUOTA_FILE_NAME);
  }

  /** Restores the counts, then keeps them. Before the meters learn of the first keys. */
  async start(): Promise<void> {
    try {
      const content: unknown = JSON.parse(await readFile(this.path, 'utf8'));
      if (is_quota_file(content)) this.parts.meters.restore(content);
      else this.parts.failed(`${this.path} is not what was written there; the counts of today begin again`);
    } catch (error) {
      const is_missing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
      if (!is_missing) this.parts.failed(`${this.path}: ${reasonOf(error)}; the counts of today begin again`);
    }
    this.rearm();
  }

  /** Writes down what is new and stops. */
  async stop(): Promise<void> {
    this.is_stopped = true;
    this.timer?.cancel();
    await this.saving;
    await this.save();
  }

  /** One write at a time: the next is due so long after the last has ended. */
  private rearm(): void {
    if (this.is_stopped) return;
    this.timer = this.parts.clock.schedule(SAVE_MS, () => {
      this.saving = this.save().then(() => this.rearm());
    });
  }

  private async save(): Promise<void> {
    const counts = this.parts.meters.counts();
    const text = JSON.stringify({ version: 1, ...counts } satisfies QuotaFileContent);
    if (text === this.saved || (this.saved === '' && Object.keys(counts.events).length === 0)) return;
    try {
      await this.replace(text);
      this.saved = text;
      this.is_failing = false;
    } catch (error) {
      if (!this.is_failing) this.parts.failed(`${this.path}: ${reasonOf(error)}`);
      this.is_failing = true;
    }
  }

  /** A reader sees the old text or the new. */
  private async replace(text: string): Promise<void> {
    const draft = `${this.path}.partial`;
    const file = await open(draft, 'w', 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, this.path);
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * Keeps a KeyRing true to the key file: a key created or revoked by another process counts within two seconds.
 *
 * It polls, since file notifications are lost on some file systems and containers. A file that cannot be read changes
 * nothing: the last good keys go on counting, and the problem is reported once per state of the file.
 */

import { OperatingError } from '../../contract/errors.ts';
import type { Clock, Timer } from '../../contract/ports.ts';
import type { KeyFile } from './key_file.ts';
import { parseKeyFile } from './key_record.ts';
import type { KeyRing } from './key_ring.ts';

export const KEY_POLL_MS = 500;

/** What the watch has to say, for the log. */
export interface KeyWatchReports {
  /** The ring was replaced; `keys` count now. */
  readonly loaded: (keys: number) => void;
  /** The file cannot be used; the keys from before go on counting. */
  readonly failed: (error: OperatingError) => void;
}

export class KeyWatch {
  private readonly parts: {
    readonly file: KeyFile;
    readonly ring: Pick<KeyRing, 'replace' | 'size'>;
    readonly clock: Clock;
    readonly reports: KeyWatchReports;
  };
  private timer: Timer | undefined;
  private is_stopped = false;
  /** Of the file as last tried, good or bad; differs from every stamp at first. */
  private seen: string | undefined;

  constructor(parts: KeyWatch['parts']) {
    this.parts = parts;
  }

  /** Fills the ring, then watches. Rejects with `keys_unreadable` when the keys cannot be read even once. */
  async start(): Promise<void> {
    await this.load();
    this.rearm();
  }

  stop(): void {
    this.is_stopped = true;
    this.timer?.cancel();
  }

  private rearm(): void {
    if (this.is_stopped) return;
    this.timer = this.parts.clock.schedule(KEY_POLL_MS, () => void this.poll());
  }

  private async poll(): Promise<void> {
    try {
      await this.load();
    } catch (error) {
      if (!(error instanceof OperatingError)) throw error;
      this.parts.reports.failed(error);
    } finally {
      this.rearm();
    }
  }

  private async load(): Promise<void> {
    const { file, ring, reports } = this.parts;
    const path = file.path;
    // The stamp comes first: a change after it makes the next stamp differ, so that no change is missed.
    const stamp = await file.stamp().catch((error: unknown) => `unreadable: ${error}`);
    if (stamp === this.seen) return;
    this.seen = stamp;
    const text = await file.read();
    if (text === undefined) throw new OperatingError('keys_unreadable', { path, reason: 'it is gone' });
    try {
      ring.replace(parseKeyFile(text));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new OperatingError('keys_unreadable', { path, reason }, { cause: error });
    }
    reports.loaded(ring.size);
  }
}

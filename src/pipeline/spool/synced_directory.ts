/**
 * The spool's directory, and which of the changes to it are known to be durable. So a sync that happens for one reason is not done again for another.
 */
import type { Fs } from '../../contract/ports.ts';

export class SyncedDirectory {
  private changes = 0;
  private durable_changes = 0;

  constructor(
    private readonly fs: Fs,
    readonly path: string,
  ) {}

  /** Notes that an entry was just created, renamed or removed; the mark is for `ensureDurable`. */
  changed(): number {
    return ++this.changes;
  }

  /** Makes all changes so far durable. */
  async sync(): Promise<void> {
    const covered_changes = this.changes;
    await this.fs.syncDirectory(this.path);
    this.durable_changes = Math.max(this.durable_changes, covered_changes);
  }

  /** Syncs only if no sync since has covered the change. */
  async ensureDurable(mark: number): Promise<void> {
    if (this.durable_changes < mark) await this.sync();
  }
}

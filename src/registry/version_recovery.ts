/**
 * Brings into the registry what a run that was killed had not written there: the versions of the rows that stand in segments which are not sealed, since
 * none is sealed before its versions are in. After a run that ended well there is next to nothing to read.
 */
import type { Clock } from '../contract/ports.ts';
import type { VersionColumns } from '../contract/table.ts';
import type { SpoolRows } from '../contract/version_claims.ts';
import { type VersionEntry, versionEntry } from './claim_keys.ts';
import { Opening } from './opening.ts';
import { type VersionDesk, type VersionStore, versionClaim } from './version_desk.ts';

export interface VersionRecoveryPorts {
  readonly desk: VersionDesk;
  readonly store: VersionStore;
  readonly rows: SpoolRows;
  readonly clock: Clock;
}

export class VersionRecovery {
  private readonly opening: Opening;

  /** @param tables whose rows claim versions, and where those stand in them */
  constructor(
    private readonly ports: VersionRecoveryPorts,
    private readonly tables: ReadonlyMap<string, VersionColumns>,
  ) {
    const { clock, desk } = ports;
    this.opening = new Opening({ clock, open: (is_closed) => this.open(is_closed), failed: (error) => desk.fail(error) });
  }

  /** Tries to open the desk; resolves when it is open or could not be this time, and then goes on trying. */
  start(): Promise<void> {
    return this.opening.start();
  }

  async close(): Promise<void> {
    await this.opening.close();
    await this.ports.desk.close();
  }

  private async open(is_closed: () => boolean): Promise<void> {
    const { desk, rows } = this.ports;
    for (const [table, columns] of this.tables) {
      await rows.eachUnsealed(table, ['organization_id', ...columns], (texts) => this.recover(texts));
    }
    if (!is_closed()) desk.open();
  }

  /** Adds what the registry lacks, and contradicts nothing that it has. */
  private async recover(rows: readonly (readonly string[])[]): Promise<void> {
    const { store } = this.ports;
    const missing = new Map<string, VersionEntry>();
    for (const [organization_id, product_name, version, scm_sha] of rows) {
      const entry = versionEntry(organization_id, product_name, version, scm_sha);
      const known = missing.get(entry.key)?.fingerprint ?? store.fingerprintOf(entry.key);
      if (known === undefined || (known === '' && entry.fingerprint !== '')) missing.set(entry.key, entry);
    }
    if (missing.size > 0) await store.keep([...missing.values()].map(versionClaim));
  }
}

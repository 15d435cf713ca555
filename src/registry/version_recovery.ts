/**
 * Brings into the registry what a run that was killed had not written there: the versions of the rows that stand in segments which are not sealed, since
 * none is sealed before its versions are in. After a run that ended well there is next to nothing to read.
 */
import { AssertionError } from 'node:assert';
import { OperatingError } from '../contract/errors.ts';
import type { Clock, Timer } from '../contract/ports.ts';
import type { VersionColumns } from '../contract/table.ts';
import type { SpoolRows } from '../contract/version_claims.ts';
import { type VersionEntry, versionEntry } from './claim_keys.ts';
import { type VersionDesk, type VersionStore, versionClaim } from './version_desk.ts';

export interface VersionRecoveryPorts {
  readonly desk: VersionDesk;
  readonly store: VersionStore;
  readonly rows: SpoolRows;
  readonly clock: Clock;
}

const AGAIN_MS = 1_000;

export class VersionRecovery {
  private timer: Timer | undefined;
  private running: Promise<void> = Promise.resolve();
  private is_closed = false;

  /** @param tables whose rows claim versions, and where those stand in them */
  constructor(
    private readonly ports: VersionRecoveryPorts,
    private readonly tables: ReadonlyMap<string, VersionColumns>,
  ) {}

  /** Tries to open the desk; resolves when it is open or could not be this time, and then goes on trying. */
  start(): Promise<void> {
    this.running = this.attempt();
    return this.running;
  }

  async close(): Promise<void> {
    this.is_closed = true;
    this.timer?.cancel();
    await this.running;
    await this.ports.desk.close();
  }

  private async attempt(): Promise<void> {
    const { desk, rows, clock } = this.ports;
    try {
      for (const [table, columns] of this.tables) {
        await rows.eachUnsealed(table, ['organization_id', ...columns], (texts) => this.recover(texts));
      }
      if (!this.is_closed) desk.open();
    } catch (error) {
      if (error instanceof AssertionError) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      desk.fail(error instanceof OperatingError ? error : new OperatingError('registry_unavailable', { reason }, { cause: error }));
      if (!this.is_closed) this.timer = clock.schedule(AGAIN_MS, () => void this.start());
    }
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

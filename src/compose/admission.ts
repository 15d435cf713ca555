/** Builds admission: who may come in, how much each key may send, and when those who were turned away should come back. */
import { SYSTEM_CLOCK } from '../base/system_clock.ts';
import type { Config } from '../config/schema.ts';
import type { OperatingError } from '../contract/errors.ts';
import type { Random } from '../contract/ports.ts';
import type { Logger } from '../ops/logger.ts';
import { KeyMeters } from '../pipeline/admission/key_meters.ts';
import type { KeyRecord } from '../pipeline/admission/key_record.ts';
import { KeyRing } from '../pipeline/admission/key_ring.ts';
import { KeyWatch } from '../pipeline/admission/key_watch.ts';
import type { NodeKeyFile } from '../pipeline/admission/node_key_file.ts';
import { QuotaBook } from '../pipeline/admission/quota_book.ts';

export class Admission {
  readonly keys = new KeyRing();
  readonly meters: KeyMeters;
  private readonly watch: KeyWatch;
  private readonly quotas: QuotaBook;

  constructor(config: Config, parts: { readonly log: Logger; readonly key_file: NodeKeyFile; readonly random: Random }) {
    const { log, key_file, random } = parts;
    const { keys } = this;
    const meters = new KeyMeters({ clock: SYSTEM_CLOCK, random }, config.limits);
    const ring = {
      get size(): number {
        return keys.size;
      },
      replace: (records: readonly KeyRecord[]): void => {
        keys.replace(records);
        meters.replace(records);
      },
    };
    const reports = {
      loaded: (count: number): void => log.info({ keys: count }, 'keys_loaded'),
      failed: (error: OperatingError): void => log.error({ reason: error.message }, 'keys_unusable'),
    };
    this.meters = meters;
    this.watch = new KeyWatch({ file: key_file, ring, clock: SYSTEM_CLOCK, reports });
    this.quotas = new QuotaBook(config.data_dir, {
      meters,
      clock: SYSTEM_CLOCK,
      failed: (reason) => log.error({ reason }, 'quotas_not_kept'),
    });
  }

  /** Rejects with `keys_unreadable` when the keys cannot be read even once. */
  async start(): Promise<void> {
    await this.quotas.start();
    await this.watch.start();
  }

  /** Follows the key file no more, and writes down what the day has counted. */
  async stop(): Promise<void> {
    this.watch.stop();
    await this.quotas.stop();
  }
}

/**
 * The keys that count now, for the hot path: from what a request presents to whose it is.
 *
 * Missing, wrong, oversized, revoked and meant for another use take one path through `lookup`: one SHA-256, one comparison in
 * constant time, no answer. Finding the record to compare with goes by the digest's first bits, which tell an attacker
 * nothing about any secret. A secret that was right is remembered as it was presented, since digest and comparison cost 4 µs a
 * request: how long its second look-up takes tells whoever presents it only that it is right, which the answer does too.
 */
import { hash, timingSafeEqual } from 'node:crypto';
import type { Identity, KeyUse } from '../../contract/tenant.ts';
import type { KeyRecord } from './key_record.ts';
import { SECRET_CHARACTERS_MAX } from './key_rules.ts';

interface Entry {
  readonly digest: Uint8Array;
  readonly use: KeyUse | undefined;
  readonly identity: Identity | undefined;
}

const DIGEST_BYTES = 32;
/** A fleet has few keys; the memory of more is begun anew. */
const REMEMBERED_MAX = 1024;
/** Six bytes are the most that a number indexes; records that agree in them are compared one by one. */
const INDEX_BYTES = 6;

/** What an unknown digest is compared with, so that knowing none takes the same time; its use is nobody's. */
const NOBODY: readonly Entry[] = [{ digest: new Uint8Array(DIGEST_BYTES), use: undefined, identity: undefined }];

export class KeyRing {
  private entries: ReadonlyMap<number, readonly Entry[]> = new Map();
  /** Entries by the secrets that found them, as long as the same records count. */
  private readonly remembered = new Map<string, Entry>();
  /** Of the key being looked up. */
  private readonly digest = Buffer.alloc(DIGEST_BYTES);

  /** How many keys count. */
  get size(): number {
    return [...this.entries.values()].reduce((total, bucket) => total + bucket.length, 0);
  }

  /** Makes exactly these records count, but for revoked ones. */
  replace(records: readonly KeyRecord[]): void {
    const entries = new Map<number, Entry[]>();
    for (const record of records) {
      if (record.revoked_at !== null) continue;
      const digest = Buffer.from(record.sha256, 'hex');
      const { id: key_id, use, organization_id, project_id, environment } = record;
      const entry: Entry = { digest, use, identity: Object.freeze({ key_id, organization_id, project_id, environment }) };
      const index = digest.readUIntLE(0, INDEX_BYTES);
      entries.set(index, [...(entries.get(index) ?? []), entry]);
    }
    this.entries = entries;
    this.remembered.clear();
  }

  /**
   * Whose `presented` is, when it is the secret of a key for `use`. The same object at every call, as long as the key file
   * stays the same.
   */
  lookup(presented: string | undefined, use: KeyUse): Identity | undefined {
    const candidate = presented === undefined || presented.length > SECRET_CHARACTERS_MAX ? '' : presented;
    const known = this.remembered.get(candidate);
    if (known?.use === use) return known.identity;
    const found = this.find(candidate, use);
    if (found === undefined) return undefined;
    if (this.remembered.size >= REMEMBERED_MAX) this.remembered.clear();
    this.remembered.set(candidate, found);
    return found.identity;
  }

  private find(candidate: string, use: KeyUse): Entry | undefined {
    // A string copied into bytes: asking for a buffer takes twice as long (1.1 µs instead of 0.55 µs).
    const digest = this.digest;
    digest.write(hash('sha256', candidate, 'binary'), 'latin1');
    let found: Entry | undefined;
    for (const entry of this.entries.get(digest.readUIntLE(0, INDEX_BYTES)) ?? NOBODY) {
      if (timingSafeEqual(digest, entry.digest) && entry.use === use) found = entry;
    }
    return found;
  }
}

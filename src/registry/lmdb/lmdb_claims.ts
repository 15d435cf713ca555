/**
 * The embedded registry: claims in LMDB, in a directory of its own under the data directory.
 *
 * Durable when a commit resolves: LMDB runs without `overlappingSync`, so that it syncs its pages and then its root before a write counts as done; what
 * a batch writes stands there whole or not at all. Nor does it batch by turns of the event loop, which leaves promises behind that nobody looks at. The caller holds the data directory's lock, so this is the only writer, and batches go one by one:
 * what a batch reads is what the one before it left. Owner of `<directory>/data.mdb` and `lock.mdb`.
 */
import { type Database, open, type RootDatabase } from 'lmdb';
import { assert } from '../../base/assert.ts';
import { OperatingError } from '../../contract/errors.ts';
import type { ClaimBatch, ClaimOutcome, PendingEvent, VersionClaims } from '../../contract/version_claims.ts';
import { ClaimBook, type ClaimWrites, type StoredEntry, type StoredPending } from '../claim_book.ts';
import { Serial } from '../serial.ts';
import { prepareDataFile } from './data_file.ts';

/** fingerprint, answer, expires_at_ms (0: never), event_id, is_addition. */
type EntryValue = readonly [string, string, number, string, boolean];
/** table, keys. */
type PendingValue = readonly [string, ...string[]];

interface Maps {
  readonly root: RootDatabase<string, string>;
  readonly facts: Database<string, string>;
  readonly entries: Database<EntryValue, string>;
  readonly pending: Database<PendingValue, string>;
  /** `<expires_at_ms, 15 digits>/<key>`, to find what has expired; a row whose entry is gone or lives longer is a leftover. */
  readonly expiries: Database<boolean, string>;
}

/** Behind every UUID and every digit. */
const LAST_CHARACTER = '\u{10ffff}';

export class LmdbClaims implements VersionClaims {
  private opened: Maps | undefined;
  private readonly serial = new Serial();

  /** @param directory absolute; made if it is missing */
  constructor(private readonly directory: string) {}

  async open(): Promise<void> {
    if (this.opened !== undefined) return;
    try {
      await prepareDataFile(this.directory);
      const root = open<string, string>({ path: this.directory, overlappingSync: false, eventTurnBatching: false, maxDbs: 4 });
      const named = <Value>(name: string): Database<Value, string> => root.openDB<Value, string>({ name, encoding: 'msgpack' });
      this.opened = { root, facts: named('facts'), entries: named('entries'), pending: named('pending'), expiries: named('expiries') };
    } catch (error) {
      throw unavailable(error);
    }
  }

  /** What is noted under `name`; undefined when nothing was. */
  fact(name: string): string | undefined {
    return read(() => this.maps().facts.get(name));
  }

  /** Notes a fact about this data directory; resolves when it is durable. */
  async setFact(name: string, value: string): Promise<void> {
    await this.maps().facts.put(name, value).catch(rethrowUnavailable);
  }

  commit(batch: ClaimBatch): Promise<readonly ClaimOutcome[]> {
    return this.serial.run(async () => {
      const maps = this.maps();
      maps.root.resetReadTxn();
      const { outcomes, writes } = ClaimBook.apply(batch, {
        entry: (key) => read(() => decodeEntry(maps.entries.get(key))),
        pending: (event_id) => read(() => decodePending(maps.pending.get(event_id))),
      });
      if (writes.entries.size + writes.pending.size > 0) await write(maps, writes);
      return outcomes;
    });
  }

  async pending(after_event_id: string, limit: number): Promise<readonly PendingEvent[]> {
    const { root, pending } = this.maps();
    root.resetReadTxn();
    const range = pending.getRange({ start: after_event_id, limit: limit + 1 });
    const listed = [...range].map(({ key, value: [table] }) => ({ event_id: key, table }));
    return listed.filter(({ event_id }) => event_id !== after_event_id).slice(0, limit);
  }

  sweep(now_ms: number, limit: number): Promise<number> {
    return this.serial.run(async () => {
      const { root, entries, expiries } = this.maps();
      root.resetReadTxn();
      const rows = [...expiries.getKeys({ end: expiryKey(now_ms, LAST_CHARACTER), limit })];
      if (rows.length === 0) return 0;
      const expired = rows.map(keyOfExpiry).filter((key) => {
        const expires_at_ms = decodeEntry(entries.get(key))?.expires_at_ms;
        return expires_at_ms !== undefined && expires_at_ms <= now_ms;
      });
      await root
        .batch(() => {
          for (const row of rows) void expiries.remove(row);
          for (const key of expired) void entries.remove(key);
        })
        .catch(rethrowUnavailable);
      return rows.length;
    });
  }

  close(): Promise<void> {
    return this.serial.run(async () => {
      const { opened } = this;
      this.opened = undefined;
      await opened?.root.close();
    });
  }

  private maps(): Maps {
    assert(this.opened !== undefined, 'BUG: the registry is used while it is not open');
    return this.opened;
  }
}

async function write({ root, entries, pending, expiries }: Maps, writes: ClaimWrites): Promise<void> {
  const written = root.batch(() => {
    for (const [key, entry] of writes.entries) {
      if (entry === undefined) void entries.remove(key);
      else void entries.put(key, encodeEntry(entry));
      if (entry?.expires_at_ms !== undefined) void expiries.put(expiryKey(entry.expires_at_ms, key), true);
    }
    for (const [event_id, held] of writes.pending) {
      if (held === undefined) void pending.remove(event_id);
      else void pending.put(event_id, [held.table, ...held.keys]);
    }
  });
  await written.catch(rethrowUnavailable);
}

function encodeEntry({ fingerprint, answer, expires_at_ms = 0, event_id, is_addition }: StoredEntry): EntryValue {
  return [fingerprint, answer, expires_at_ms, event_id, is_addition];
}

function decodeEntry(value: EntryValue | undefined): StoredEntry | undefined {
  if (value === undefined) return undefined;
  const [fingerprint, answer, expires_at_ms, event_id, is_addition] = value;
  return { fingerprint, answer, expires_at_ms: expires_at_ms === 0 ? undefined : expires_at_ms, event_id, is_addition };
}

function decodePending(value: PendingValue | undefined): StoredPending | undefined {
  if (value === undefined) return undefined;
  const [table, ...keys] = value;
  return { table, keys };
}

function expiryKey(expires_at_ms: number, key: string): string {
  return `${String(Math.ceil(expires_at_ms)).padStart(15, '0')}/${key}`;
}

function keyOfExpiry(row: string): string {
  return row.slice(row.indexOf('/') + 1);
}

/** A damaged file shows when it is read. */
function read<Value>(get: () => Value): Value {
  try {
    return get();
  } catch (error) {
    throw unavailable(error);
  }
}

function unavailable(error: unknown): OperatingError {
  const reason = error instanceof Error ? error.message : String(error);
  return new OperatingError('registry_unavailable', { reason }, { cause: error });
}

/** A commit that failed says why in a promise of its own, which rejects, and would end the process if nobody looked at it. */
async function rethrowUnavailable(error: unknown): Promise<never> {
  const cause = error instanceof Error && 'commitError' in error ? error.commitError : undefined;
  throw unavailable(cause instanceof Promise ? await cause.catch((reason: unknown) => reason) : error);
}

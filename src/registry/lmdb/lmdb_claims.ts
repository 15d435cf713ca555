/**
 * The embedded registry: claims in LMDB, in a directory of its own under the data directory.
 *
 * Durable when a commit resolves: LMDB runs without `overlappingSync`, so that it syncs its pages and then its root before a write counts as done; what
 * a batch writes stands there whole or not at all. Nor does it batch by turns of the event loop, which leaves promises behind that nobody looks at. The caller holds the data directory's lock, so this is the only writer, and batches go one by one:
 * what a batch reads is what the one before it left. Owner of `<directory>/data.mdb` and `lock.mdb`.
 */
import { type Database, open } from 'lmdb';
import { assert } from '../../base/assert.ts';
import type { ClaimBatch, ClaimOutcome, EventClaims, KeyClaim, PendingEvent, VersionClaims } from '../../contract/version_claims.ts';
import { ClaimBook, type ClaimWrites, type StoredEntry } from '../claim_book.ts';
import type { EarlierStore } from '../earlier_deliveries.ts';
import { Serial } from '../serial.ts';
import type { VersionStore } from '../version_desk.ts';
import { type Environment, makeRoom, read, rethrowUnavailable, unavailable } from './access.ts';
import { prepareDataFile } from './data_file.ts';
import { type ExpiryMap, expiredRows, noteExpiries, removeExpired } from './expiries.ts';
import { commitBytesMax, Headroom } from './headroom.ts';
import { Undecided, type UndecidedMap, type UndecidedWrites, writeUndecided } from './undecided.ts';

/** fingerprint, answer, expires_at_ms (0: never), event_id, is_addition. */
type EntryValue = readonly [string, string, number, string, boolean];

interface Maps extends Environment {
  readonly facts: Database<string, string>;
  readonly entries: Database<EntryValue, string>;
  readonly undecided: UndecidedMap;
  readonly expiries: ExpiryMap;
}

export class LmdbClaims implements VersionClaims, EarlierStore, VersionStore {
  private opened: Maps | undefined;
  /** What stands in the map of that name; undefined when that is not known. */
  private undecided: Undecided | undefined;
  private commits = 0;
  readonly serial = new Serial();

  /** @param directory absolute; made if it is missing */
  constructor(private readonly directory: string) {}

  async open(): Promise<void> {
    if (this.opened !== undefined) return;
    try {
      await prepareDataFile(this.directory);
      const root = open<string, string>({ path: this.directory, overlappingSync: false, eventTurnBatching: false, maxDbs: 8 });
      const named = <Value, Key extends string | number>(name: string): Database<Value, Key> =>
        root.openDB<Value, Key>({ name, encoding: 'msgpack' });
      this.opened = {
        root,
        headroom: await Headroom.open(this.directory),
        facts: named('facts'),
        entries: named('entries'),
        undecided: named('undecided'),
        expiries: named('expiry_rows'),
      };
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
    await makeRoom(this.maps(), commitBytesMax(1, value.length));
    await this.maps().facts.put(name, value).catch(rethrowUnavailable);
  }

  commit(batch: ClaimBatch): Promise<readonly ClaimOutcome[]> {
    return this.serial.run(async () => {
      const maps = this.maps();
      const undecided = this.knownUndecided();
      maps.root.resetReadTxn();
      const { outcomes, writes } = ClaimBook.apply(batch, {
        entry: (key) => read(() => decodeEntry(maps.entries.get(key))),
        pending: (event_id) => undecided.get(event_id),
      });
      if (writes.entries.size + writes.pending.size === 0) return outcomes;
      const rows = undecided.plan(writes.pending);
      undecided.expect(rows);
      try {
        await write(maps, writes.entries, rows, `${batch.now_ms}-${this.commits++}`);
      } catch (error) {
        // It may have taken effect all the same: the map is read again.
        this.undecided = undefined;
        throw error;
      }
      undecided.apply(rows);
      return outcomes;
    });
  }

  /** What a commit under way may change is undecided, and so not foreseen. */
  foresee(event: EventClaims, now_ms: number, is_stored: (event_id: string) => boolean): ClaimOutcome | undefined {
    const { undecided } = this;
    if (undecided === undefined) return undefined;
    const { entries } = this.maps();
    const maps = {
      entry: (key: string) => read(() => decodeEntry(entries.get(key))),
      pending: (event_id: string) => (is_stored(event_id) ? undefined : undecided.get(event_id)),
    };
    return ClaimBook.foresee(event, maps, now_ms);
  }

  isTaken(key: string, now_ms: number): boolean {
    const entry = read(() => decodeEntry(this.maps().entries.get(key)));
    return entry !== undefined && (entry.expires_at_ms === undefined || entry.expires_at_ms > now_ms);
  }

  fingerprintOf(key: string): string | undefined {
    return read(() => this.maps().entries.get(key))?.[0];
  }

  keep(entries: readonly KeyClaim[]): Promise<void> {
    return this.serial.run(async () => {
      const kept = new Map(
        entries.map(({ key, fingerprint, answer, expires_at_ms }) => [key, confirmed({ fingerprint, answer, expires_at_ms })]),
      );
      await write(this.maps(), kept, new Map(), `kept-${entries[0].expires_at_ms ?? 0}-${this.commits++}`);
    });
  }

  pending(after_event_id: string, limit: number): Promise<readonly PendingEvent[]> {
    return this.serial.run(async () => this.knownUndecided().list(after_event_id, limit));
  }

  sweep(now_ms: number, limit: number): Promise<number> {
    return this.serial.run(async () => {
      const { root, entries, expiries } = this.maps();
      root.resetReadTxn();
      const rows = read(() => expiredRows(expiries, now_ms, limit));
      const keys = rows.flatMap((row) => row.keys);
      if (keys.length === 0) return 0;
      const expired = keys.filter((key) => {
        const expires_at_ms = read(() => decodeEntry(entries.get(key)))?.expires_at_ms;
        return expires_at_ms !== undefined && expires_at_ms <= now_ms;
      });
      await makeRoom(this.maps(), commitBytesMax(keys.length + rows.length, 0));
      await root
        .batch(() => {
          removeExpired(expiries, rows);
          for (const key of expired) void entries.remove(key);
        })
        .catch(rethrowUnavailable);
      return keys.length;
    });
  }

  close(): Promise<void> {
    return this.serial.run(async () => {
      const { opened } = this;
      this.opened = undefined;
      this.undecided = undefined;
      await opened?.root.close();
      await opened?.headroom.close();
    });
  }

  /** Once it is open. */
  environment(): Environment {
    return this.maps();
  }

  private maps(): Maps {
    assert(this.opened !== undefined, 'BUG: the registry is used while it is not open');
    return this.opened;
  }

  private knownUndecided(): Undecided {
    const { root, undecided } = this.maps();
    if (this.undecided === undefined) {
      root.resetReadTxn();
      this.undecided = read(() => Undecided.load(undecided));
    }
    return this.undecided;
  }
}

async function write(maps: Maps, changed: ClaimWrites['entries'], rows: UndecidedWrites, commit: string): Promise<void> {
  let characters = 0;
  for (const [key, entry] of changed) characters += key.length + (entry?.answer.length ?? 0);
  await makeRoom(maps, commitBytesMax(changed.size + rows.size, characters));
  const { root, entries, undecided, expiries } = maps;
  const written = root.batch(() => {
    const expiring: { key: string; expires_at_ms: number }[] = [];
    for (const [key, entry] of changed) {
      if (entry === undefined) void entries.remove(key);
      else void entries.put(key, encodeEntry(entry));
      if (entry?.expires_at_ms !== undefined) expiring.push({ key, expires_at_ms: entry.expires_at_ms });
    }
    noteExpiries(expiries, expiring, commit);
    writeUndecided(undecided, rows);
  });
  await written.catch(rethrowUnavailable);
  // Whoever reads from now on must see it.
  root.resetReadTxn();
}

function confirmed(entry: Pick<StoredEntry, 'fingerprint' | 'answer' | 'expires_at_ms'>): StoredEntry {
  return { ...entry, event_id: '', is_addition: false };
}

function encodeEntry({ fingerprint, answer, expires_at_ms = 0, event_id, is_addition }: StoredEntry): EntryValue {
  return [fingerprint, answer, expires_at_ms, event_id, is_addition];
}

function decodeEntry(value: EntryValue | undefined): StoredEntry | undefined {
  if (value === undefined) return undefined;
  const [fingerprint, answer, expires_at_ms, event_id, is_addition] = value;
  return { fingerprint, answer, expires_at_ms: expires_at_ms === 0 ? undefined : expires_at_ms, event_id, is_addition };
}

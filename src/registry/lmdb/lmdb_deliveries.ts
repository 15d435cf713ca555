/**
 * The deliveries of a data directory: ids of events that were delivered, in memory and in LMDB.
 *
 * What is written together is one row, so that a commit of a thousand deliveries writes a few pages and not one for each of them: key `<expires_at_ms, 15
 * digits>/<first id>`, value 16 bytes for each id. A start reads the rows into memory, which answers nearly all questions. Of more than `ids_in_memory_max`
 * ids the oldest rows are *spread*, a part with each commit: each of their ids becomes an entry of its own, that is looked up on the disk, memory forgets
 * them, and the row moves to a map of its own, which no start reads. A row goes when it has expired, with a later commit, and with it what it was spread to.
 */
import type { Database } from 'lmdb';
import { OperatingError } from '../../contract/errors.ts';
import type { DeliveryStore } from '../delivery_desk.ts';
import { ID_BYTES, ID_WORDS, idWords, TABLE_IDS_MAX } from '../id_table.ts';
import { RememberedIds, type RememberedRow } from '../remembered_ids.ts';
import type { Serial } from '../serial.ts';
import { type Environment, makeRoom, read, rethrowUnavailable } from './access.ts';
import { commitBytesMax } from './headroom.ts';

/** Memory forgets one of so many parts at a time. */
const GENERATIONS = 16;
const TIME_DIGITS = 15;
/** Behind every digit. */
const LAST_CHARACTER = '\u{10ffff}';
/** Rows that go with one commit. */
const EXPIRED_ROWS_MAX = 16;
/** So that what is spread keeps up with what comes. */
const SPREAD_PER_ID = 2;
const PRESENT = Buffer.of(1);

interface Maps extends Environment {
  /** Those whose ids are in memory, and the others. */
  readonly rows: Database<Buffer, string>;
  readonly spread_rows: Database<Buffer, string>;
  /** By id, in binary. */
  readonly spread: Database<Buffer, Buffer>;
}

export interface DeliveryOptions {
  /** An entry may be forgotten after so long. */
  readonly kept_ms: number;
  readonly ids_in_memory_max: number;
  /** As of `IdTable`. */
  readonly seed: number;
}

/** What a commit changes beside its own row. */
interface Changes {
  readonly expired: readonly StoredRow[];
  readonly expired_spread: readonly StoredRow[];
  /** Rows that leave memory, and those of them that are spread. */
  readonly oldest: readonly RememberedRow[];
  readonly spread: readonly StoredRow[];
}

interface StoredRow {
  readonly key: string;
  readonly value: Buffer;
}

export class LmdbDeliveries implements DeliveryStore {
  private maps: Maps | undefined;
  private remembered: RememberedIds;
  /** Whether some ids may stand on the disk alone. */
  private has_spread = false;
  private readonly words = new Int32Array(ID_WORDS);
  private readonly word_bytes = Buffer.from(this.words.buffer);

  /** @param serial of the environment: one commit after the other */
  constructor(
    private readonly serial: Serial,
    private readonly options: DeliveryOptions,
  ) {
    this.remembered = this.none();
  }

  /** Opens the maps in `environment`, and reads what is to be in memory. Throws `registry_unavailable`. */
  open(environment: Environment, now_ms: number): void {
    this.maps = read(() => this.load(environment, now_ms));
  }

  close(): void {
    this.maps = undefined;
  }

  has(event_id: string): boolean {
    const { maps } = this;
    if (maps === undefined) throw notOpen();
    if (this.remembered.has(idWords(event_id, this.words))) return true;
    return this.has_spread && read(() => maps.spread.doesExist(this.word_bytes));
  }

  keep(event_ids: readonly string[], now_ms: number): Promise<void> {
    return this.serial.run(async () => {
      for (let at = 0; at < event_ids.length; at += TABLE_IDS_MAX) await this.keepRow(event_ids.slice(at, at + TABLE_IDS_MAX), now_ms);
    });
  }

  private load(environment: Environment, now_ms: number): Maps {
    const named = <Key extends string | Buffer>(name: string, key_encoding?: 'binary'): Database<Buffer, Key> =>
      environment.root.openDB<Buffer, Key>({
        name,
        encoding: 'binary',
        ...(key_encoding === undefined ? {} : { keyEncoding: key_encoding }),
      });
    const maps = {
      ...environment,
      rows: named<string>('delivery_rows'),
      spread_rows: named<string>('delivery_rows_spread'),
      spread: named<Buffer>('deliveries', 'binary'),
    };
    this.remembered = this.none();
    this.has_spread = maps.spread_rows.getKeysCount({ limit: 1 }) > 0;
    for (const { key, value } of maps.rows.getRange()) {
      const expires_at_ms = Number(key.slice(0, TIME_DIGITS));
      if (expires_at_ms > now_ms) this.remembered.add({ key, ids: countOf(value), expires_at_ms }, value);
    }
    return maps;
  }

  private none(): RememberedIds {
    const { seed, ids_in_memory_max } = this.options;
    return new RememberedIds(seed, Math.min(TABLE_IDS_MAX, ids_in_memory_max / GENERATIONS));
  }

  private async keepRow(event_ids: readonly string[], now_ms: number): Promise<void> {
    const { maps } = this;
    if (maps === undefined) throw notOpen();
    const value = Buffer.allocUnsafeSlow(event_ids.length * ID_BYTES);
    for (const [index, event_id] of event_ids.entries()) {
      idWords(event_id, this.words);
      value.set(this.word_bytes, index * ID_BYTES);
    }
    const expires_at_ms = now_ms + this.options.kept_ms;
    const row = { key: `${time(expires_at_ms)}/${event_ids[0]}`, ids: event_ids.length, expires_at_ms };
    const stored = { key: row.key, value };
    maps.root.resetReadTxn();
    const changes = read(() => this.changesWith(maps, row.ids, now_ms));
    // Before the commit: one that fails may have taken effect all the same.
    if (changes.spread.length > 0) this.has_spread = true;
    await makeRoom(maps, bytesMax(stored, changes));
    await maps.root.batch(() => write(maps, stored, changes)).catch(rethrowUnavailable);
    maps.root.resetReadTxn();
    if (changes.oldest.length > 0) this.remembered.takeOut(changes.oldest);
    this.remembered.expire(now_ms);
    this.remembered.add(row, value);
  }

  private changesWith(maps: Maps, ids: number, now_ms: number): Changes {
    const of_the_past = { end: `${time(now_ms)}/${LAST_CHARACTER}`, limit: EXPIRED_ROWS_MAX };
    const expired = [...maps.rows.getRange(of_the_past)];
    const expired_spread = [...maps.spread_rows.getRange(of_the_past)];
    const is_too_much = this.remembered.count + ids > this.options.ids_in_memory_max;
    const oldest = is_too_much ? this.remembered.oldestRows(SPREAD_PER_ID * ids) : [];
    const spread = oldest.flatMap(({ key, expires_at_ms }) => {
      const value = maps.rows.get(key);
      // What has expired needs no place any more.
      return value === undefined || expires_at_ms <= now_ms ? [] : [{ key, value: Buffer.from(value) }];
    });
    return { expired, expired_spread, oldest, spread };
  }
}

/** Inside of a batch of LMDB's. */
function write({ rows, spread_rows, spread: places }: Maps, row: StoredRow, { expired, expired_spread, spread }: Changes): void {
  void rows.put(row.key, row.value);
  for (const { key } of expired) void rows.remove(key);
  for (const { key, value } of expired_spread) {
    for (const id of idsOf(value)) void places.remove(id);
    void spread_rows.remove(key);
  }
  for (const { key, value } of spread) {
    for (const id of idsOf(value)) void places.put(id, PRESENT);
    void rows.remove(key);
    void spread_rows.put(key, value);
  }
}

function bytesMax(row: StoredRow, { expired, expired_spread, spread }: Changes): number {
  const written = [row, ...spread].reduce((sum, { key, value }) => sum + key.length + value.length, 0);
  const entries = [...expired_spread, ...spread].reduce((sum, { value }) => sum + countOf(value) + 2, 1 + expired.length);
  return commitBytesMax(entries, written);
}

function countOf(value: Buffer): number {
  return value.length / ID_BYTES;
}

function idsOf(value: Buffer): readonly Buffer[] {
  return Array.from({ length: countOf(value) }, (_, index) => value.subarray(index * ID_BYTES, (index + 1) * ID_BYTES));
}

function time(time_ms: number): string {
  return String(Math.ceil(time_ms)).padStart(TIME_DIGITS, '0');
}

function notOpen(): OperatingError {
  return new OperatingError('registry_unavailable', { reason: 'it is not open' });
}

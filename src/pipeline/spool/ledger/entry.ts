/**
 * Lines of the ledger's files: `<crc32 of the rest, 8 hex digits> <JSON array>\n`.
 *
 * The first word of the array says what it is; the rest stands by position, since a busy daemon writes a line a second for 90 days (about 160 bytes each).
 * A line that fails its checksum or its shape is no entry: a torn tail, or damage. Nothing here touches a file.
 * ```
 * ["checkpoint", version, at_ms, began_at_ms, {source: figures}, [segment entries whose files may still be on the move]]
 * ["delivered" | "dead_lettered" | "replayed", id, table, month, rows, at_ms, [accounts]]
 * ["split", id, table, month, rows, at_ms, [accounts], [child ids]]
 * ["loose" | "damaged", at_ms, [accounts]]                 accounts: [source, received, accepted, {reason: count}]
 * ```
 */
import { crc32 } from 'node:zlib';
import type { BlockAccounts } from '../../../contract/block.ts';
import type { LedgerFigures } from '../../../contract/ledger.ts';

/** What can become of a sealed segment; see `Ledger` for when each is written. */
export type Fate = 'delivered' | 'dead_lettered' | 'replayed' | 'split';

export interface SegmentEntry {
  readonly kind: Fate;
  readonly segment_id: string;
  readonly table: string;
  readonly month: number;
  readonly rows: number;
  readonly at_ms: number;
  readonly accounts: readonly BlockAccounts[];
  /** Of a `split`; else empty. */
  readonly children: readonly string[];
}

/** `loose`: requests without an accepted event. `damaged`: records of an open segment that failed their checksum when it was sealed. */
export interface AccountsEntry {
  readonly kind: 'loose' | 'damaged';
  readonly at_ms: number;
  readonly accounts: readonly BlockAccounts[];
}

/** The first line of each file, twice: everything that earlier files add up to. */
export interface CheckpointEntry {
  readonly kind: 'checkpoint';
  readonly at_ms: number;
  /** When the first book of this data directory was begun: what is older, no line can know. */
  readonly began_at_ms: number;
  readonly totals: Readonly<Record<string, LedgerFigures>>;
  /** Segments whose line stands in an earlier file, while their own file may not have followed yet. */
  readonly lingering: readonly SegmentEntry[];
}

export type Entry = SegmentEntry | AccountsEntry | CheckpointEntry;

const VERSION = 1;
const CHECKSUM_CHARACTERS = 8;
const FATES: readonly string[] = ['delivered', 'dead_lettered', 'replayed', 'split'] satisfies Fate[];

/** Tells lines about one segment from lines about requests and records. */
export function isSegmentEntry(entry: Entry): entry is SegmentEntry {
  return FATES.includes(entry.kind);
}

export function encodeEntry(entry: Entry): string {
  const json = JSON.stringify(fieldsOf(entry));
  return `${checksumOf(json)} ${json}\n`;
}

/** @param line without its newline; undefined when it is not what `encodeEntry` wrote */
export function decodeEntry(line: string): Entry | undefined {
  const json = line.slice(CHECKSUM_CHARACTERS + 1);
  if (line[CHECKSUM_CHARACTERS] !== ' ' || line.slice(0, CHECKSUM_CHARACTERS) !== checksumOf(json)) return undefined;
  const fields: unknown = JSON.parse(json);
  return Array.isArray(fields) ? entryOf(fields) : undefined;
}

function checksumOf(json: string): string {
  return crc32(json).toString(16).padStart(CHECKSUM_CHARACTERS, '0');
}

function fieldsOf(entry: Entry): readonly unknown[] {
  if (entry.kind === 'checkpoint') {
    return ['checkpoint', VERSION, entry.at_ms, entry.began_at_ms, entry.totals, entry.lingering.map(fieldsOf)];
  }
  const accounts = entry.accounts.map(({ source, received, accepted, rejected }) => [source, received, accepted, rejected]);
  if (!isSegmentEntry(entry)) return [entry.kind, entry.at_ms, accounts];
  const { kind, segment_id, table, month, rows, at_ms, children } = entry;
  return [kind, segment_id, table, month, rows, at_ms, accounts, ...(kind === 'split' ? [children] : [])];
}

function entryOf(fields: readonly unknown[]): Entry | undefined {
  const [kind] = fields;
  if (kind === 'checkpoint') return checkpointOf(fields);
  if (kind === 'loose' || kind === 'damaged') {
    const [, at_ms, listed] = fields;
    const accounts = accountsOf(listed);
    return typeof at_ms === 'number' && accounts !== undefined ? { kind, at_ms, accounts } : undefined;
  }
  return segmentOf(fields);
}

function segmentOf(fields: readonly unknown[]): SegmentEntry | undefined {
  const [kind, segment_id, table, month, rows, at_ms, listed, children = []] = fields;
  const accounts = accountsOf(listed);
  if (!isFate(kind) || typeof segment_id !== 'string' || typeof table !== 'string' || accounts === undefined) return undefined;
  if (typeof month !== 'number' || typeof rows !== 'number' || typeof at_ms !== 'number' || !isTexts(children)) return undefined;
  return { kind, segment_id, table, month, rows, at_ms, accounts, children };
}

function checkpointOf(fields: readonly unknown[]): CheckpointEntry | undefined {
  const [, version, at_ms, began_at_ms, totals, listed] = fields;
  if (version !== VERSION || typeof at_ms !== 'number' || typeof began_at_ms !== 'number' || !Array.isArray(listed)) return undefined;
  const lingering = listed.map((one: unknown) => (Array.isArray(one) ? segmentOf(one) : undefined)).filter((one) => one !== undefined);
  return isTotals(totals) ? { kind: 'checkpoint', at_ms, began_at_ms, totals, lingering } : undefined;
}

function accountsOf(listed: unknown): readonly BlockAccounts[] | undefined {
  if (!Array.isArray(listed)) return undefined;
  const accounts: BlockAccounts[] = [];
  for (const one of listed) {
    if (!Array.isArray(one)) return undefined;
    const [source, received, accepted, rejected]: readonly unknown[] = one;
    if (typeof source !== 'string' || typeof received !== 'number' || typeof accepted !== 'number' || !isCounts(rejected)) return undefined;
    accounts.push({ source, received, accepted, rejected });
  }
  return accounts;
}

function isFate(value: unknown): value is Fate {
  return typeof value === 'string' && FATES.includes(value);
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'string');
}

function isCounts(value: unknown): value is Readonly<Record<string, number>> {
  return typeof value === 'object' && value !== null && Object.values(value).every((one) => typeof one === 'number');
}

const COUNTED = ['received', 'accepted', 'delivered', 'spooled', 'dead_lettered'];

function isTotals(value: unknown): value is Readonly<Record<string, LedgerFigures>> {
  if (typeof value !== 'object' || value === null) return false;
  return Object.values(value).every((figures: unknown) => {
    if (typeof figures !== 'object' || figures === null) return false;
    const fields = new Map<string, unknown>(Object.entries(figures));
    return isCounts(fields.get('rejected')) && COUNTED.every((name) => typeof fields.get(name) === 'number');
  });
}

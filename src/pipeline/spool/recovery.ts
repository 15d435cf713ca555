/**
 * What an earlier run left in the spool's directory: sealed segments to deliver, open ones to seal, and rests to clear away.
 *
 * Reads the ends of sealed files and nothing of open ones, so that a spool of many gigabytes is up within a second or two; content is checked when it is
 * sealed or sent. Keeps no state of its own: the files are the truth, and their names are enough to rebuild everything from them.
 */
import type { Fs } from '../../contract/ports.ts';
import { byPlace, type SealedSegment } from '../../contract/segment.ts';
import { removeIfThere, withFile } from './file_io.ts';
import type { ClosedSegment } from './open_segments.ts';
import type { SpoolObserver } from './options.ts';
import type { Quarantine } from './quarantine.ts';
import { readSealedTail } from './sealed_footer.ts';
import { PARTIAL_SUFFIX, parseSegmentFileName, type SegmentName, segmentFileName } from './segment_name.ts';
import type { SyncedDirectory } from './synced_directory.ts';

const READS_AT_ONCE = 8;

export interface RecoveryPorts {
  readonly fs: Fs;
  readonly observer: SpoolObserver;
  readonly directory: SyncedDirectory;
  readonly quarantine: Quarantine;
  /** Whether the ledger knows that nothing of this segment is to be sent any more: what is left of its files is removed. */
  isOver(segment_id: string): boolean;
}

export interface Recovery {
  /** In the order of delivery. */
  readonly sealed: readonly SealedSegment[];
  readonly closed: readonly ClosedSegment[];
  /** Higher than any that was found. */
  readonly next_sequence: number;
}

export async function recoverSpool(ports: RecoveryPorts): Promise<Recovery> {
  const found = await listSegments(ports);
  const sealed = await withoutUnborn(ports, await readSealed(ports, found.sealed));
  const sealed_ids = new Set(sealed.map(({ id }) => id));
  const closed: ClosedSegment[] = [];
  for (const segment of found.open) {
    const path = `${ports.directory.path}/${segmentFileName(segment, 'open')}`;
    if (sealed_ids.has(segment.id)) {
      await removeIfThere(ports.fs, path);
      continue;
    }
    const file_bytes = await withFile(ports.fs, path, 'read', (file) => file.size());
    closed.push({ segment, end_bytes: undefined, file_bytes, records: undefined, received_at_ms: undefined, failed_seals: 0 });
  }
  // What an earlier run removed or renamed and never synced, and what was removed just now, must be settled before delivery begins.
  await ports.directory.sync();
  const next_sequence = [...found.open, ...found.sealed].reduce((highest, { sequence }) => Math.max(highest, sequence), 0) + 1;
  return { sealed, closed, next_sequence };
}

/** A split that was not finished leaves the parent; then its halves were never sent, and go. */
async function withoutUnborn(ports: RecoveryPorts, sealed: readonly SealedSegment[]): Promise<readonly SealedSegment[]> {
  const ids = new Set(sealed.map(({ id }) => id));
  const is_unborn = ({ origin }: SealedSegment): boolean => origin !== undefined && ids.has(origin.parent);
  for (const segment of sealed.filter(is_unborn)) {
    await removeIfThere(ports.fs, `${ports.directory.path}/${segmentFileName(segment, 'sealed')}`);
  }
  return sealed.filter((segment) => !is_unborn(segment));
}

async function listSegments(ports: RecoveryPorts): Promise<{ open: readonly SegmentName[]; sealed: readonly SegmentName[] }> {
  const open: SegmentName[] = [];
  const sealed: SegmentName[] = [];
  for (const name of await ports.fs.list(ports.directory.path)) {
    const parsed = parseSegmentFileName(name);
    if (parsed !== undefined && ports.isOver(parsed.segment.id)) await removeIfThere(ports.fs, `${ports.directory.path}/${name}`);
    else if (parsed !== undefined) (parsed.kind === 'open' ? open : sealed).push(parsed.segment);
    else if (name.endsWith(PARTIAL_SUFFIX)) await removeIfThere(ports.fs, `${ports.directory.path}/${name}`);
    else ports.observer.incident('foreign_file', { file: name });
  }
  return { open, sealed };
}

async function readSealed(ports: RecoveryPorts, names: readonly SegmentName[]): Promise<readonly SealedSegment[]> {
  const sealed: SealedSegment[] = [];
  let next = 0;
  const readers = Array.from({ length: READS_AT_ONCE }, async () => {
    while (next < names.length) {
      const segment = await readOne(ports, names[next++]);
      if (segment !== undefined) sealed.push(segment);
    }
  });
  await Promise.all(readers);
  return sealed.sort(byPlace);
}

async function readOne(ports: RecoveryPorts, name: SegmentName): Promise<SealedSegment | undefined> {
  const file_name = segmentFileName(name, 'sealed');
  const tail = await withFile(ports.fs, `${ports.directory.path}/${file_name}`, 'read', readSealedTail);
  if (tail === undefined || tail.footer.id !== name.id) {
    await ports.quarantine.keepFile(ports.directory.path, file_name, 'its footer is damaged');
    return undefined;
  }
  const { native_crc32: _, ...segment } = tail.footer;
  return { ...segment, tokens: tail.tokens };
}

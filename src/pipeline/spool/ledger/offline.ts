/** Reads the books of a data directory that no daemon holds, and writes nothing. */
import type { Clock, Fs } from '../../../contract/ports.ts';
import type { SealedSegment } from '../../../contract/segment.ts';
import { withFile } from '../file_io.ts';
import { readOpenRecords } from '../open_records.ts';
import { readSealedTail } from '../sealed_footer.ts';
import { parseSegmentFileName, type SegmentName, segmentFileName } from '../segment_name.ts';
import { Ledger } from './ledger.ts';

/** The caller holds the directory's lock. The ledger is for `answer` only. */
export async function readLedgerOffline(fs: Fs, clock: Clock, data_dir: string): Promise<Ledger> {
  const directory = `${data_dir}/spool`;
  // The next start reports damage, and acts on it.
  const ledger = new Ledger({ fs, clock, observer: { incident: () => undefined } }, data_dir, directory);
  await ledger.start();
  const { open, sealed } = await readSegments(fs, directory, (id) => ledger.isOver(id));
  ledger.adopt(
    sealed,
    open.map(({ id }) => id),
  );
  for (const name of open) await countOpen(fs, directory, name, ledger);
  return ledger;
}

async function readSegments(
  fs: Fs,
  directory: string,
  is_over: (segment_id: string) => boolean,
): Promise<{ open: readonly SegmentName[]; sealed: readonly SealedSegment[] }> {
  const open: SegmentName[] = [];
  const sealed: SealedSegment[] = [];
  for (const name of await fs.list(directory)) {
    const parsed = parseSegmentFileName(name);
    if (parsed === undefined || is_over(parsed.segment.id)) continue;
    if (parsed.kind === 'open') {
      open.push(parsed.segment);
      continue;
    }
    const tail = await withFile(fs, `${directory}/${name}`, 'read', readSealedTail);
    if (tail !== undefined) sealed.push({ ...tail.footer, tokens: tail.tokens });
  }
  const sealed_ids = new Set(sealed.map(({ id }) => id));
  return { open: open.filter(({ id }) => !sealed_ids.has(id)), sealed };
}

async function countOpen(fs: Fs, directory: string, name: SegmentName, ledger: Ledger): Promise<void> {
  await withFile(fs, `${directory}/${segmentFileName(name, 'open')}`, 'read', async (file) => {
    const opened = await readOpenRecords(file, name.id);
    if (opened === undefined) ledger.sealed(name.id, undefined);
    else ledger.opened(name.id, opened.records.accounts);
  });
}

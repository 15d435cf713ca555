/**
 * The data directory as a whole: that it is ours, that it can be written, and that we understand it.
 *
 * Owner of `penstock.json`, the mark by which a directory is known as ours. The mark holds no state: where it is lost or damaged among files that are
 * ours it is written again, and nothing else is ever touched here.
 */
import { OperatingError } from '../../contract/errors.ts';
import type { Fs } from '../../contract/ports.ts';
import { withFile, writeFileDurably } from './file_io.ts';
import { LEDGER_DIRECTORY } from './ledger/ledger.ts';
import { LOCK_DIRECTORY } from './lock.ts';
import { errorCode, reasonOf } from './system_errors.ts';

const MARK_NAME = 'penstock.json';
/** Raised when an older program could no longer read what a newer one wrote. */
const FORMAT = 1;

/** What stages keep there; the command line writes the keys before any daemon ran. */
const OUR_ENTRIES = new Set([
  MARK_NAME,
  `${MARK_NAME}.partial`,
  'keys.json',
  'quotas.json',
  'quotas.json.partial',
  'spool',
  'uploads',
  'quarantine',
  'dead_letter',
  'clickhouse',
  LEDGER_DIRECTORY,
  'registry',
  LOCK_DIRECTORY,
]);
/** What systems leave in any directory. */
const SYSTEM_ENTRIES = new Set(['lost+found', '.DS_Store', '.Trashes', '.fseventsd', '.Spotlight-V100', '.snapshot', '.gitkeep', '.nfs']);

/**
 * Makes the directory ready for a daemon, or says why it cannot be: `data_dir_unwritable`, `data_dir_foreign`, `data_dir_newer`.
 *
 * @param data_dir absolute
 */
export async function prepareDataDirectory(fs: Fs, data_dir: string): Promise<void> {
  try {
    await fs.makeDirectory(data_dir);
    const format = await readFormat(fs, data_dir);
    if (format !== undefined && format > FORMAT) throw new OperatingError('data_dir_newer', { data_dir, format, known: FORMAT });
    if (format === undefined) await refuseForeign(fs, data_dir);
    // Written at every start: it is the proof that the directory can be.
    await writeFileDurably(fs, data_dir, MARK_NAME, Buffer.from(`${JSON.stringify({ program: 'penstock', format: FORMAT })}\n`));
  } catch (error) {
    if (error instanceof OperatingError) throw error;
    throw new OperatingError('data_dir_unwritable', { data_dir, reason: reasonOf(error) }, { cause: error });
  }
}

/** The format that the mark states; undefined without a mark that says so. */
async function readFormat(fs: Fs, data_dir: string): Promise<number | undefined> {
  let text: string;
  try {
    text = await withFile(fs, `${data_dir}/${MARK_NAME}`, 'read', async (file) => {
      const bytes = Buffer.alloc(await file.size());
      await file.read(bytes, 0);
      return bytes.toString();
    });
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
  return parseFormat(text);
}

function parseFormat(text: string): number | undefined {
  try {
    const mark: unknown = JSON.parse(text);
    const is_mark = typeof mark === 'object' && mark !== null && 'program' in mark && mark.program === 'penstock' && 'format' in mark;
    return is_mark && typeof mark.format === 'number' ? mark.format : undefined;
  } catch {
    return undefined;
  }
}

async function refuseForeign(fs: Fs, data_dir: string): Promise<void> {
  const entry = (await fs.list(data_dir)).find((name) => !isExpected(name));
  if (entry !== undefined) throw new OperatingError('data_dir_foreign', { data_dir, entry });
}

function isExpected(name: string): boolean {
  // The keys' owner keeps locks and temporary files beside them.
  return OUR_ENTRIES.has(name) || SYSTEM_ENTRIES.has(name) || name.startsWith('keys.json.') || name.startsWith('.nfs');
}

/**
 * Sets aside what cannot be delivered, under `<data_dir>/quarantine/`: damaged records and whole files. Nothing in there is ever read or removed by the
 * daemon; it is for a person. Owner of that directory.
 */
import type { FileHandle, Fs } from '../../contract/ports.ts';
import { removeIfThere, withFile, writeFully } from './file_io.ts';
import type { SpoolObserver } from './options.ts';
import type { DamagedPlace } from './record_scan.ts';
import { PARTIAL_SUFFIX } from './segment_name.ts';
import { WINDOW_BYTES } from './window_reader.ts';

export class Quarantine {
  /** Records and files set aside by this process. */
  count = 0;

  constructor(
    private readonly fs: Fs,
    readonly directory: string,
    private readonly observer: SpoolObserver,
  ) {}

  /** Copies a damaged place of an open segment; the file itself stays where it is. Doing it again, after a crash, changes nothing. */
  async keepRecord(file: FileHandle, file_name: string, place: DamagedPlace): Promise<void> {
    const name = `${file_name}-${place.offset}.record`;
    if ((await this.fs.list(this.directory)).includes(name)) return;
    const path = `${this.directory}/${name}`;
    await removeIfThere(this.fs, path + PARTIAL_SUFFIX);
    await withFile(this.fs, path + PARTIAL_SUFFIX, 'create', async (copy) => {
      await copyRange(file, place, copy);
      await copy.datasync();
    });
    await this.fs.rename(path + PARTIAL_SUFFIX, path);
    await this.fs.syncDirectory(this.directory);
    this.count++;
    this.observer.incident('record_quarantined', { file: file_name, offset: place.offset, bytes: place.bytes, path });
  }

  /** Moves a whole file out of the spool. The caller has made durable whatever must not come back in its place. */
  async keepFile(spool_directory: string, file_name: string, reason: string): Promise<void> {
    const path = `${this.directory}/${file_name}`;
    await this.fs.rename(`${spool_directory}/${file_name}`, path);
    await this.fs.syncDirectory(this.directory);
    await this.fs.syncDirectory(spool_directory);
    this.count++;
    this.observer.incident('segment_quarantined', { file: file_name, reason, path });
  }
}

async function copyRange(from: FileHandle, place: DamagedPlace, to: FileHandle): Promise<void> {
  const window = Buffer.alloc(Math.min(WINDOW_BYTES, place.bytes));
  for (let copied_bytes = 0; copied_bytes < place.bytes; ) {
    const wanted = window.subarray(0, Math.min(window.length, place.bytes - copied_bytes));
    const read_bytes = await from.read(wanted, place.offset + copied_bytes);
    if (read_bytes === 0) return;
    await writeFully(to, [wanted.subarray(0, read_bytes)], copied_bytes);
    copied_bytes += read_bytes;
  }
}

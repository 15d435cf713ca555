/**
 * A file on a disk that cannot read all of it: what cannot be read comes as zeros, page by page, and everything else as it is.
 *
 * For the last try to seal a segment. A record that lies on such a page fails its checksum and is set aside; all others are sound, and are delivered.
 */
import type { FileHandle } from '../../contract/ports.ts';

/** What a disk or a file system loses at once; aligned, so that a page is asked for alone. */
const PAGE_BYTES = 4096;

export class SalvagingFile implements FileHandle {
  /** True when some page could not be read. */
  has_holes = false;

  constructor(private readonly file: FileHandle) {}

  async read(into: Uint8Array, position: number): Promise<number> {
    try {
      return await this.file.read(into, position);
    } catch {
      return this.readPages(into, position);
    }
  }

  write(buffers: readonly Uint8Array[], position: number): Promise<number> {
    return this.file.write(buffers, position);
  }

  datasync(): Promise<void> {
    return this.file.datasync();
  }

  truncate(size_bytes: number): Promise<void> {
    return this.file.truncate(size_bytes);
  }

  size(): Promise<number> {
    return this.file.size();
  }

  close(): Promise<void> {
    return this.file.close();
  }

  private async readPages(into: Uint8Array, position: number): Promise<number> {
    const wanted_bytes = Math.max(0, Math.min(into.length, (await this.file.size()) - position));
    for (let at = 0; at < wanted_bytes; ) {
      const page_end = PAGE_BYTES - ((position + at) % PAGE_BYTES);
      const page = into.subarray(at, Math.min(at + page_end, wanted_bytes));
      await this.file.read(page, position + at).catch(() => {
        this.has_holes = true;
        page.fill(0);
      });
      at += page.length;
    }
    return wanted_bytes;
  }
}

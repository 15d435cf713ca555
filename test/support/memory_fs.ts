/**
 * A file system in memory that can fail in every way that a disk can: the port `Fs` for tests.
 *
 * It keeps what is visible apart from what is durable. `crash` gives the file system as a machine finds it after a power failure: of what was not synced,
 * pages and directory entries are there or not as the dice fall, each on its own. `fault` is asked before each call; `capacity_bytes` is the disk's size.
 */
import { Readable } from 'node:stream';
import type { FileHandle, Fs } from '../../src/contract/ports.ts';
import type { SeededRandom } from './seeded_random.ts';

const PAGE_BYTES = 4096;

export type FsOperation =
  | 'open'
  | 'write'
  | 'read'
  | 'datasync'
  | 'truncate'
  | 'rename'
  | 'remove'
  | 'list'
  | 'syncDirectory'
  | 'makeDirectory';

/** Where in a file a read begins and ends. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/** What goes wrong: an errno such as `EIO`; `short` writes half of the bytes. `range` only of reads. */
export type Fault = (operation: FsOperation, path: string, range?: Range) => string | undefined;

interface Inode {
  content: Buffer;
  durable: Buffer;
  /** Pages written, and whether the size changed, since the last sync. */
  readonly dirty_pages: Set<number>;
  is_size_dirty: boolean;
}

type Change =
  | { kind: 'link'; path: string; inode: Inode }
  | { kind: 'unlink'; path: string }
  | { kind: 'rename'; from: string; to: string };

export class MemoryFs implements Fs {
  capacity_bytes = Number.POSITIVE_INFINITY;
  fault: Fault = () => undefined;
  private is_crashed = false;
  private entries = new Map<string, Inode>();
  private durable_entries = new Map<string, Inode>();
  private changes: Change[] = [];

  async open(path: string, mode: 'create' | 'read' | 'write'): Promise<FileHandle> {
    await this.enter('open', path);
    const present = this.entries.get(path);
    if (mode === 'create') {
      if (present !== undefined) throw systemError('EEXIST');
      const inode: Inode = { content: Buffer.alloc(0), durable: Buffer.alloc(0), dirty_pages: new Set(), is_size_dirty: false };
      this.apply({ kind: 'link', path, inode });
      return new MemoryFile(this, path, inode);
    }
    if (present === undefined) throw systemError('ENOENT');
    return new MemoryFile(this, path, present);
  }

  async rename(from: string, to: string): Promise<void> {
    await this.enter('rename', from);
    if (!this.entries.has(from)) throw systemError('ENOENT');
    this.apply({ kind: 'rename', from, to });
  }

  async remove(path: string): Promise<void> {
    await this.enter('remove', path);
    if (!this.entries.has(path)) throw systemError('ENOENT');
    this.apply({ kind: 'unlink', path });
  }

  async list(directory: string): Promise<readonly string[]> {
    await this.enter('list', directory);
    const names = [...this.entries.keys()]
      .filter((path) => path.startsWith(`${directory}/`))
      .map((path) => path.slice(directory.length + 1));
    return [...new Set(names.map((name) => name.split('/')[0] ?? ''))].sort();
  }

  async makeDirectory(directory: string): Promise<void> {
    await this.enter('makeDirectory', directory);
  }

  async syncDirectory(directory: string): Promise<void> {
    const covered = this.changes.filter((change) => pathsOf(change).some((path) => parentOf(path) === directory));
    await this.enter('syncDirectory', directory);
    for (const change of covered) applyTo(this.durable_entries, change);
    this.changes = this.changes.filter((change) => !covered.includes(change));
  }

  async freeBytes(): Promise<number> {
    return this.capacity_bytes - this.usedBytes();
  }

  stream(path: string, start: number, end: number): Readable {
    const inode = this.entries.get(path);
    if (inode === undefined) throw systemError('ENOENT');
    return Readable.from([Buffer.from(inode.content.subarray(start, end))], { objectMode: false });
  }

  usedBytes(): number {
    return [...new Set(this.entries.values())].reduce((sum, { content }) => sum + content.length, 0);
  }

  paths(): readonly string[] {
    return [...this.entries.keys()].sort();
  }

  /** The bytes of a file as they are now; changing them is damage to the medium. */
  contentOf(path: string): Buffer {
    const inode = this.entries.get(path);
    if (inode === undefined) throw systemError('ENOENT');
    return inode.content;
  }

  /** Puts a file there, durable. */
  plant(path: string, content: Uint8Array): void {
    const inode: Inode = {
      content: Buffer.from(content),
      durable: Buffer.from(content),
      dirty_pages: new Set(),
      is_size_dirty: false,
    };
    this.entries.set(path, inode);
    this.durable_entries.set(path, inode);
  }

  /** The process dies, the machine lives: everything visible stays, and is no more durable than it was. This instance fails from now on. */
  kill(): MemoryFs {
    this.is_crashed = true;
    const after = new MemoryFs();
    after.entries = new Map(this.entries);
    after.durable_entries = new Map(this.durable_entries);
    after.changes = [...this.changes];
    return after;
  }

  /** The machine dies: of what was not synced anything may be lost. This instance fails from now on. */
  crash(random: SeededRandom): MemoryFs {
    this.is_crashed = true;
    const survivors = new Map(this.durable_entries);
    for (const change of this.changes) {
      if (random.below(2) === 0) applyTo(survivors, change);
    }
    const after = new MemoryFs();
    for (const [path, inode] of survivors) after.plant(path, contentAfterCrash(inode, random));
    return after;
  }

  /** Every call passes here: gives the others a turn, and fails as it is told. */
  async enter(operation: FsOperation, path: string, range?: Range): Promise<'short' | undefined> {
    await Promise.resolve();
    if (this.is_crashed) throw systemError('EIO');
    const fault = this.fault(operation, path, range);
    if (fault === undefined || fault === 'short') return fault;
    throw systemError(fault);
  }

  private apply(change: Change): void {
    applyTo(this.entries, change);
    this.changes.push(change);
  }
}

class MemoryFile implements FileHandle {
  constructor(
    private readonly fs: MemoryFs,
    private readonly path: string,
    private readonly inode: Inode,
  ) {}

  async write(buffers: readonly Uint8Array[], position: number): Promise<number> {
    const fault = await this.fs.enter('write', this.path);
    const bytes = Buffer.concat(buffers);
    const wanted_bytes = fault === 'short' ? Math.ceil(bytes.length / 2) : bytes.length;
    const growth_bytes = Math.max(0, position + wanted_bytes - this.inode.content.length);
    const missing_bytes = Math.max(0, growth_bytes - (this.fs.capacity_bytes - this.fs.usedBytes()));
    const written_bytes = wanted_bytes - missing_bytes;
    if (written_bytes <= 0 && bytes.length > 0) throw systemError('ENOSPC');
    this.put(bytes.subarray(0, written_bytes), position);
    return written_bytes;
  }

  async read(into: Uint8Array, position: number): Promise<number> {
    await this.fs.enter('read', this.path, { start: position, end: position + into.length });
    const source = this.inode.content.subarray(position, position + into.length);
    into.set(source);
    return source.length;
  }

  async datasync(): Promise<void> {
    await this.fs.enter('datasync', this.path);
    this.inode.durable = Buffer.from(this.inode.content);
    this.inode.dirty_pages.clear();
    this.inode.is_size_dirty = false;
  }

  async truncate(size_bytes: number): Promise<void> {
    await this.fs.enter('truncate', this.path);
    this.inode.content = this.inode.content.subarray(0, size_bytes);
    this.inode.is_size_dirty = true;
  }

  async size(): Promise<number> {
    return this.inode.content.length;
  }

  async close(): Promise<void> {}

  private put(bytes: Uint8Array, position: number): void {
    const { inode } = this;
    const end = position + bytes.length;
    if (end > inode.content.length) {
      inode.content = Buffer.concat([inode.content, Buffer.alloc(end - inode.content.length)]);
      inode.is_size_dirty = true;
    }
    inode.content.set(bytes, position);
    for (let page = Math.floor(position / PAGE_BYTES); page * PAGE_BYTES < end; page++) inode.dirty_pages.add(page);
  }
}

/** An error as `node:fs` makes it. */
export function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: injected`), { code });
}

function contentAfterCrash(inode: Inode, random: SeededRandom): Buffer {
  const { content, durable } = inode;
  const low = Math.min(content.length, durable.length);
  const sizes = [durable.length, content.length, low + random.below(Math.abs(content.length - durable.length) + 1)];
  const after = Buffer.alloc(inode.is_size_dirty ? random.pick(sizes) : durable.length);
  durable.copy(after);
  for (const page of inode.dirty_pages) {
    const start = page * PAGE_BYTES;
    if (start < after.length && random.below(2) === 0) content.copy(after, start, start, start + PAGE_BYTES);
  }
  return after;
}

function applyTo(entries: Map<string, Inode>, change: Change): void {
  if (change.kind === 'link') entries.set(change.path, change.inode);
  else if (change.kind === 'unlink') entries.delete(change.path);
  else {
    const inode = entries.get(change.from);
    if (inode === undefined) return;
    entries.delete(change.from);
    entries.set(change.to, inode);
  }
}

function pathsOf(change: Change): readonly string[] {
  return change.kind === 'rename' ? [change.from, change.to] : [change.path];
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'));
}

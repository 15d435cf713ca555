/**
 * Stages of uploads: segments that fill in a directory of their own and join the others all at once.
 *
 * The commit record, `<upload>.commit`, is a list of the upload's files, written whole and synced: from then on the events are acknowledged,
 * and the files are moved to the spool's directory, where they are closed segments like any other. Whatever lies here without a commit record was
 * never acknowledged, and is removed at the start. Owner of the directory.
 */
import { crc32 } from 'node:zlib';
import { assert } from '../../base/assert.ts';
import type { OperatingError } from '../../contract/errors.ts';
import type { SpoolBlock } from '../../contract/segment.ts';
import type { Table } from '../../contract/table.ts';
import type { UploadStage } from '../../contract/upload.ts';
import type { AccountsSum } from './accounts.ts';
import { removeIfThere, withFile, writeFileDurably } from './file_io.ts';
import { type ClosedSegment, RECORDS_MAX } from './open_segments.ts';
import type { SpoolOptions, SpoolPorts } from './options.ts';
import { segmentFileName } from './segment_name.ts';
import { SegmentWriter } from './segment_writer.ts';
import type { SyncedDirectory } from './synced_directory.ts';
import { errorCode } from './system_errors.ts';

const COMMIT_SUFFIX = '.commit';
/** Synced as it grows, so that little is left for the end, and in steps that do not hold up the syncs of others. */
const SYNC_EVERY_BYTES = 8 << 20;

export interface UploadStageHooks {
  nextSequence(): number;
  /** Why the spool takes nothing just now; undefined when there is room for so many bytes. */
  refusal(block: SpoolBlock): OperatingError | undefined;
  /** So many bytes more, or fewer, are on the disk. */
  usedBytesChanged(change: number): void;
  /** A write failed: the error for those who wait. */
  failed(writer: SegmentWriter, error: unknown): Error;
  /** A segment was admitted. */
  admitted(segment: ClosedSegment, accounts: AccountsSum): void;
}

interface StagesContext {
  readonly ports: SpoolPorts;
  readonly options: Pick<SpoolOptions, 'ack' | 'seal_rows_max' | 'seal_bytes_max'>;
  readonly directory: SyncedDirectory;
  readonly spool_directory: SyncedDirectory;
  readonly tables: ReadonlyMap<string, Table>;
  readonly hooks: UploadStageHooks;
}

export class UploadStages {
  constructor(private readonly context: StagesContext) {}

  /** Finishes what was committed, removes what was not. Before the spool's own directory is read. */
  async recover(): Promise<void> {
    const { ports, directory } = this.context;
    await ports.fs.makeDirectory(directory.path);
    const names = await ports.fs.list(directory.path);
    for (const name of names.filter((each) => each.endsWith(COMMIT_SUFFIX))) {
      const committed = await readCommit(ports.fs, `${directory.path}/${name}`);
      if (committed === undefined) {
        // Some of the files were acknowledged, and nobody can say which: none is removed.
        ports.observer.incident('upload_record_damaged', { file: name });
        return;
      }
      await moveFiles(this.context, committed);
      await removeIfThere(ports.fs, `${directory.path}/${name}`);
    }
    for (const name of await ports.fs.list(directory.path)) await removeIfThere(ports.fs, `${directory.path}/${name}`);
    await directory.sync();
  }

  begin(): UploadStage {
    return new Stage(this.context);
  }
}

class Stage implements UploadStage {
  private readonly id: string;
  private readonly open = new Map<string, SegmentWriter>();
  private readonly closed: SegmentWriter[] = [];
  /** Appends follow one another: a segment has one writer. */
  private turn: Promise<void> = Promise.resolve();
  /** The sync under way; one follows another. */
  private syncing: Promise<void> = Promise.resolve();
  private failure: Error | undefined;
  private unsynced_bytes = 0;
  private staged_bytes = 0;
  private is_over = false;

  constructor(private readonly context: StagesContext) {
    this.id = context.ports.random.uuid();
  }

  append(block: SpoolBlock): Promise<void> {
    const appended = this.turn.then(() => this.appendNext(block));
    this.turn = appended.catch(() => undefined);
    return appended;
  }

  async commit(): Promise<void> {
    assert(!this.is_over, 'BUG: an upload is committed that is over');
    await this.turn;
    const { ports, directory } = this.context;
    for (const writer of this.open.values()) await this.close(writer);
    await this.syncing;
    const names = this.closed.map(({ header }) => segmentFileName(header, 'open'));
    if (names.length > 0) {
      try {
        await writeFileDurably(ports.fs, directory.path, `${this.id}${COMMIT_SUFFIX}`, encodeCommit(names));
      } catch (error) {
        throw this.context.hooks.failed(this.closed[0], error);
      }
      await this.admit(names);
    }
    this.is_over = true;
  }

  async discard(): Promise<void> {
    if (this.is_over) return;
    this.is_over = true;
    await this.turn;
    await this.syncing.catch(() => undefined);
    const { ports, directory, hooks } = this.context;
    // The record first: without it the files are nobody's, and go at the next start at the latest.
    await removeIfThere(ports.fs, `${directory.path}/${this.id}${COMMIT_SUFFIX}`).catch(() => undefined);
    for (const writer of [...this.open.values(), ...this.closed]) {
      await writer.close();
      await removeIfThere(ports.fs, `${directory.path}/${segmentFileName(writer.header, 'open')}`).catch(() => undefined);
    }
    hooks.usedBytesChanged(-this.staged_bytes);
  }

  private async appendNext(block: SpoolBlock): Promise<void> {
    assert(!this.is_over, 'BUG: a block comes for an upload that is over');
    const { hooks } = this.context;
    const refusal = hooks.refusal(block);
    if (refusal !== undefined) throw refusal;
    // A file whose sync failed takes no more.
    if (this.failure !== undefined) throw this.failure;
    const writer = this.writerFor(block);
    const before_bytes = writer.end_bytes;
    try {
      await writer.append([block.bytes]);
    } catch (error) {
      throw hooks.failed(writer, error);
    }
    const added_bytes = writer.end_bytes - before_bytes;
    this.staged_bytes += added_bytes;
    this.unsynced_bytes += added_bytes;
    hooks.usedBytesChanged(added_bytes);
    const { options } = this.context;
    const { records, end_bytes } = writer;
    const is_full = records.rows >= options.seal_rows_max || end_bytes >= options.seal_bytes_max || records.count >= RECORDS_MAX;
    if (is_full) await this.close(writer);
    else if (this.unsynced_bytes >= SYNC_EVERY_BYTES) await this.sync(writer, () => writer.flush());
  }

  private writerFor(block: SpoolBlock): SegmentWriter {
    const { ports, options, directory, tables, hooks } = this.context;
    const partition = `${block.table}/${block.month}`;
    const present = this.open.get(partition);
    if (present !== undefined) return present;
    const table = tables.get(block.table);
    assert(table !== undefined, `BUG: a block for the unknown table ${block.table}`);
    const { columns, name } = table;
    const header = { id: ports.random.uuid(), table: name, month: block.month, sequence: hooks.nextSequence(), columns };
    const writer = new SegmentWriter(ports, directory, options.ack, header);
    this.open.set(partition, writer);
    return writer;
  }

  private async close(writer: SegmentWriter): Promise<void> {
    this.open.delete(`${writer.header.table}/${writer.header.month}`);
    this.closed.push(writer);
    await this.sync(writer, async () => {
      await writer.flush();
      await writer.close();
    });
  }

  /** Waits for the sync before, and lets the next one go on while more is appended. Rejects when one has failed: then the upload can only be discarded. */
  private async sync(writer: SegmentWriter, flush: () => Promise<void>): Promise<void> {
    await this.syncing;
    this.unsynced_bytes = 0;
    this.syncing = flush().catch((error: unknown) => {
      this.failure = this.context.hooks.failed(writer, error);
      throw this.failure;
    });
    this.syncing.catch(() => undefined);
  }

  /** The commit record is durable: whatever fails now is done at the next start. */
  private async admit(names: readonly string[]): Promise<void> {
    const { ports, directory, hooks } = this.context;
    try {
      await moveFiles(this.context, names);
      await removeIfThere(ports.fs, `${directory.path}/${this.id}${COMMIT_SUFFIX}`);
    } catch (error) {
      ports.observer.incident('upload_waits_for_start', { upload: this.id, reason: errorCode(error) ?? String(error) });
      return;
    }
    for (const { header, end_bytes, records } of this.closed) {
      const { received_at_ms, accounts } = records;
      hooks.admitted({ segment: header, end_bytes, file_bytes: end_bytes, records, received_at_ms, failed_seals: 0 }, accounts);
    }
  }
}

/** Twice, each with its checksum, so that no single damaged place makes acknowledged events unreadable. */
function encodeCommit(names: readonly string[]): Buffer {
  const json = JSON.stringify(names);
  const line = `${crc32(json)} ${json}\n`;
  return Buffer.from(line + line);
}

/** The names in a commit record; undefined when both copies are damaged. */
async function readCommit(fs: SpoolPorts['fs'], path: string): Promise<readonly string[] | undefined> {
  const text = await withFile(fs, path, 'read', async (file) => {
    const bytes = Buffer.alloc(await file.size());
    await file.read(bytes, 0);
    return bytes.toString();
  });
  for (const line of text.split('\n')) {
    const space = line.indexOf(' ');
    const json = line.slice(space + 1);
    if (space === -1 || line.slice(0, space) !== String(crc32(json))) continue;
    const names: unknown = JSON.parse(json);
    assert(Array.isArray(names) && names.every((name) => typeof name === 'string'), 'BUG: a commit record is not a list of names');
    return names;
  }
  return undefined;
}

/** Moves the files that are not moved yet, durably. */
async function moveFiles({ ports, directory, spool_directory }: StagesContext, names: readonly string[]): Promise<void> {
  const present = new Set(await ports.fs.list(directory.path));
  for (const name of names) {
    if (!present.has(name)) continue;
    await ports.fs.rename(`${directory.path}/${name}`, `${spool_directory.path}/${name}`);
    spool_directory.changed();
  }
  await spool_directory.sync();
  await directory.sync();
}

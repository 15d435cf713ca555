/**
 * Ports: everything outside the process, as narrow as the stages need it, so that a test can stand in for the world.
 *
 * Implementations: `base/system_clock.ts`, `pipeline/spool/node_fs.ts`, `clickhouse/sink.ts`.
 */
import type { Readable } from 'node:stream';

export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Milliseconds since the epoch; may jump. */
  nowMs(): number;
  /** Milliseconds since some start; never goes back. */
  monotonicMs(): number;
  schedule(delay_ms: number, callback: () => void): Timer;
}

/** Randomness for jitter and identities. `fraction` is in [0, 1). */
export interface Random {
  fraction(): number;
  uuid(): string;
}

/** An open file. Every method rejects with the operating system's own error (`code` such as ENOSPC, EIO). */
export interface FileHandle {
  /** Writes all `buffers` one after the other from `position`; resolves to the bytes written, which may be fewer than asked. */
  write(buffers: readonly Uint8Array[], position: number): Promise<number>;
  /** Fills `into` from `position`; resolves to the bytes read, fewer only at the end of the file. */
  read(into: Uint8Array, position: number): Promise<number>;
  /** Makes the data durable (fdatasync). After a failure the file must not be trusted again. */
  datasync(): Promise<void>;
  truncate(size_bytes: number): Promise<void>;
  size(): Promise<number>;
  close(): Promise<void>;
}

/** The file system as the spool needs it. Paths are absolute. A missing file rejects with ENOENT. */
export interface Fs {
  /** `create` fails if the file exists (EEXIST); `write` opens an existing file for reading and writing. */
  open(path: string, mode: 'create' | 'read' | 'write'): Promise<FileHandle>;
  rename(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
  /** Names in a directory, sorted; an absent directory has none. */
  list(directory: string): Promise<readonly string[]>;
  /** Creates the directory and its parents where they are missing, and makes their entries durable. */
  makeDirectory(directory: string): Promise<void>;
  /** Makes renames, creations and removals in `directory` durable. */
  syncDirectory(directory: string): Promise<void>;
  freeBytes(directory: string): Promise<number>;
  /** The bytes [start, end) of a file as a stream. */
  stream(path: string, start: number, end: number): Readable;
}

/**
 * Whether the disk takes writes: refuses appends early when it is nearly full or has failed, and notices by itself when it is well again.
 *
 * Owner of the file `probe.partial`, which it writes, syncs and removes while the disk is in doubt. Works without traffic, since a load balancer sends
 * none to a daemon that is not ready.
 */
import { OperatingError } from '../../contract/errors.ts';
import type { Timer } from '../../contract/ports.ts';
import { removeIfThere, withFile, writeFully } from './file_io.ts';
import type { SpoolPorts } from './options.ts';
import { freeBytesMin, type SpaceLimits } from './space.ts';
import { isOutOfDescriptors, reasonOf } from './system_errors.ts';

const CHECK_INTERVAL_MS = 1000;
const PROBE_INTERVAL_MS = 250;
const PROBE_BYTES = 1 << 16;
/** Room comes and goes in steps of a segment: a shortage is over only when there is this much more, lest it ends and begins with every file. */
const ROOM_AGAIN = 1 + 1 / 16;

export class DiskGuard {
  /** When it was last asked; undefined before. */
  free_bytes: number | undefined;
  /** A write or sync failed: nobody can append. */
  private failure: OperatingError | undefined;
  /** The disk is nearly full: only what uses the reserve can be appended. */
  private shortage: OperatingError | undefined;
  private timer: Timer | undefined;
  private checking: Promise<void> | undefined;
  private is_stopped = false;

  constructor(
    private readonly ports: SpoolPorts,
    private readonly directory: string,
    /** As they are now; they can change while it runs. */
    private readonly limits: () => SpaceLimits,
  ) {}

  /** The answer to an append while the disk is in doubt; undefined when it may go on. */
  problemFor(uses_reserve: boolean): OperatingError | undefined {
    return this.failure ?? (uses_reserve ? undefined : this.shortage);
  }

  /** Checks once, then again and again until `stop`. */
  async start(): Promise<void> {
    await this.check();
  }

  async stop(): Promise<void> {
    this.is_stopped = true;
    this.timer?.cancel();
    await this.checking;
  }

  /** A write or sync failed. Lack of descriptors passes by itself and says nothing about the disk. */
  failed(error: unknown): void {
    if (isOutOfDescriptors(error)) return;
    this.setFailure(reasonOf(error));
    this.scheduleNext();
  }

  private check(): Promise<void> {
    this.checking ??= this.checkOnce().finally(() => {
      this.checking = undefined;
      this.scheduleNext();
    });
    return this.checking;
  }

  private async checkOnce(): Promise<void> {
    try {
      this.free_bytes = await this.ports.fs.freeBytes(this.directory);
      this.judge(this.free_bytes);
      if (this.failure === undefined) return;
      await this.probe();
      this.failure = undefined;
      this.ports.observer.incident('disk_writable_again', { free_bytes: this.free_bytes });
    } catch (error) {
      this.setFailure(reasonOf(error));
    }
  }

  private judge(free_bytes: number): void {
    const needed_bytes = freeBytesMin(this.limits(), false);
    const figures = { free_bytes, needed_bytes };
    if (free_bytes < (this.shortage === undefined ? needed_bytes : needed_bytes * ROOM_AGAIN)) {
      if (this.shortage === undefined) this.ports.observer.incident('disk_nearly_full', figures);
      this.shortage = new OperatingError('disk_nearly_full', figures);
    } else if (this.shortage !== undefined) {
      this.shortage = undefined;
      this.ports.observer.incident('disk_has_room_again', figures);
    }
  }

  private async probe(): Promise<void> {
    const path = `${this.directory}/probe.partial`;
    await removeIfThere(this.ports.fs, path);
    try {
      await withFile(this.ports.fs, path, 'create', async (file) => {
        await writeFully(file, [Buffer.alloc(PROBE_BYTES, 1)], 0);
        await file.datasync();
      });
    } finally {
      await removeIfThere(this.ports.fs, path);
    }
  }

  private setFailure(reason: string): void {
    if (this.failure?.context['reason'] === reason) return;
    if (this.failure === undefined) this.ports.observer.incident('disk_unwritable', { reason });
    this.failure = new OperatingError('spool_unwritable', { reason });
  }

  private scheduleNext(): void {
    this.timer?.cancel();
    if (this.is_stopped) return;
    const delay_ms = this.problemFor(false) === undefined ? CHECK_INTERVAL_MS : PROBE_INTERVAL_MS;
    this.timer = this.ports.clock.schedule(delay_ms, () => {
      void this.check();
    });
  }
}

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
import { isOutOfDescriptors, reasonOf } from './system_errors.ts';

const CHECK_INTERVAL_MS = 1000;
const PROBE_INTERVAL_MS = 250;
const PROBE_BYTES = 1 << 16;

export class DiskGuard {
  /** The answer to every append while the disk is in doubt. */
  problem: OperatingError | undefined;
  private timer: Timer | undefined;
  private checking: Promise<void> | undefined;
  private is_stopped = false;

  constructor(
    private readonly ports: SpoolPorts,
    private readonly directory: string,
    private readonly free_bytes_min: number,
  ) {}

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
    this.setProblem(reasonOf(error));
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
      const free_bytes = await this.ports.fs.freeBytes(this.directory);
      if (free_bytes < this.free_bytes_min) {
        this.setProblem(`the disk is nearly full: ${free_bytes} bytes free, ${this.free_bytes_min} needed`);
        return;
      }
      if (this.problem === undefined) return;
      await this.probe();
      this.problem = undefined;
      this.ports.observer.incident('disk_writable_again', { free_bytes });
    } catch (error) {
      this.setProblem(reasonOf(error));
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

  private setProblem(reason: string): void {
    if (this.problem?.context['reason'] === reason) return;
    if (this.problem === undefined) this.ports.observer.incident('disk_unwritable', { reason });
    this.problem = new OperatingError('spool_unwritable', { reason });
  }

  private scheduleNext(): void {
    this.timer?.cancel();
    if (this.is_stopped) return;
    const delay_ms = this.problem === undefined ? CHECK_INTERVAL_MS : PROBE_INTERVAL_MS;
    this.timer = this.ports.clock.schedule(delay_ms, () => {
      void this.check();
    });
  }
}

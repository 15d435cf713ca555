/**
 * The floor of free disk below which the embedded engine takes no INSERT, as the daemon sees it: asked now and then, said once.
 *
 * The engine itself refuses (`min_free_disk_bytes_to_perform_insert`, code 243); this only lets people see it coming.
 */
import { statfs } from 'node:fs/promises';

export interface DiskRoom {
  readonly free_bytes: number;
  readonly free_bytes_min: number;
}

export class DiskFloor {
  /** As last asked; undefined before. */
  room: DiskRoom | undefined;
  private is_short = false;

  constructor(
    private readonly directory: string,
    private readonly free_bytes_min: number,
    private readonly on_log: (event: string, fields: Readonly<Record<string, number>>) => void,
  ) {}

  /** Keeps the last figures when the disk does not answer: what is wrong with it others will say. */
  async check(): Promise<void> {
    const figures = await statfs(this.directory).catch(() => undefined);
    if (figures === undefined) return;
    this.room = { free_bytes: figures.bavail * figures.bsize, free_bytes_min: this.free_bytes_min };
    const is_short = this.room.free_bytes < this.room.free_bytes_min;
    if (is_short !== this.is_short)
      this.on_log(is_short ? 'clickhouse_disk_nearly_full' : 'clickhouse_disk_has_room_again', { ...this.room });
    this.is_short = is_short;
  }
}

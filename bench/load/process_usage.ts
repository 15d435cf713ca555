/**
 * What a process has used, as Linux counts it under /proc: processor time of all its threads (proc_pid_stat(5)) and resident
 * memory (proc_pid_status(5)). Children are not included: the engine's process is never part of the daemon's figures.
 */
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/** USER_HZ, the unit of the times in /proc: 100 per second on every Linux that Node runs on. */
const TICK_US = 10_000;
const KIB = 1024;
/** `utime` and `stime` are fields 14 and 15, counted from 1; what follows the command's `)` begins with field 3. */
const UTIME_INDEX = 14 - 3;
const STIME_INDEX = 15 - 3;

const QUIET_SHARE_MAX = 0.03;
const QUIET_WAIT_MS_MAX = 15_000;

/** User and system time in microseconds from the text of /proc/PID/stat. The command in it may hold spaces and brackets. */
export function parseCpuUs(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = Number(fields[UTIME_INDEX]) + Number(fields[STIME_INDEX]);
  if (!Number.isInteger(ticks)) throw new Error(`/proc/PID/stat is not as expected: ${stat}`);
  return ticks * TICK_US;
}

/** Resident bytes from the text of /proc/PID/status. */
export function parseResidentBytes(status: string): number {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
  if (kib === undefined) throw new Error('/proc/PID/status has no line VmRSS');
  return Number(kib) * KIB;
}

export async function readCpuUs(pid: number): Promise<number> {
  return parseCpuUs(await readFile(`/proc/${pid}/stat`, 'utf8'));
}

export async function readResidentBytes(pid: number): Promise<number> {
  return parseResidentBytes(await readFile(`/proc/${pid}/status`, 'utf8'));
}

/**
 * Waits until a process did next to nothing for `window_ms`: what a load left behind (sealing, delivery) belongs to the load.
 * Gives up after 15 s: then the process is busy with something else, and its figures show it.
 */
export async function waitUntilQuiet(pid: number, window_ms: number): Promise<void> {
  let before_us = await readCpuUs(pid);
  for (let waited_ms = 0; waited_ms < QUIET_WAIT_MS_MAX; waited_ms += window_ms) {
    await sleep(window_ms);
    const now_us = await readCpuUs(pid);
    if (now_us - before_us <= QUIET_SHARE_MAX * window_ms * 1000) return;
    before_us = now_us;
  }
}

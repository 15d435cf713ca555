/** Which processors this process may use, and whether it can give each of its children one of them. */
import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';

export interface Cores {
  readonly daemon: number;
  readonly sender: number;
}

/** Throws an Error that says what is missing. */
export async function readCores(): Promise<Cores> {
  const [daemon, sender] = parseCores(await readFile('/proc/self/status', 'utf8'));
  if (daemon === undefined || sender === undefined)
    throw new Error('there is one processor: the daemon and its senders cannot have one each (--unpinned)');
  if (spawnSync('taskset', ['--version']).error !== undefined) {
    throw new Error('taskset is missing, which gives the daemon and its senders a processor each (Debian: util-linux), or try --unpinned');
  }
  return { daemon, sender };
}

/** Numbers in the line `Cpus_allowed_list:	0-2,5` of the text of /proc/PID/status. */
export function parseCores(status: string): number[] {
  const list = /^Cpus_allowed_list:\s+([\d,-]+)$/m.exec(status)?.[1];
  if (list === undefined) throw new Error('/proc/PID/status has no line Cpus_allowed_list');
  return list.split(',').flatMap((range) => {
    const [first = Number.NaN, last = first] = range.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}

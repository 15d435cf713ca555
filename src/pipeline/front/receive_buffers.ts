/**
 * Bounds what the system takes in of each connection before it is read (socket(7), SO_RCVBUF).
 *
 * uWebSockets.js reads a socket again at once as long as a read fills its 512 KiB, paused or not. Left alone, Linux lets the buffer of a fast sender
 * grow to megabytes (tcp(7), tcp_rmem), and a sender that keeps up with the reader then holds the event loop for as long as it likes. A buffer that cannot
 * fill such a read ends it (docs/PERFORMANCE.md, "Long uploads"). Connections have what the socket has that accepted them. Neither Node nor
 * uWebSockets.js sets this option for TCP, so that the C library is asked.
 */
import { readdirSync } from 'node:fs';
import { loadCLibrary } from '../../base/c_library.ts';
import { OperatingError } from '../../contract/errors.ts';

/** Sets the option on every socket of this process that listens on `port`, for what it accepts from now on. */
export type BoundReceiveBuffers = (port: number) => void;

/** Of Linux. */
const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const SO_ACCEPTCONN = 30;
const INT_BYTES = 4;
const OPEN_FILES_PATH = '/proc/self/fd';
/** Room for the longest address; the port is in the same place in those of IPv4 and IPv6, most significant byte first. */
const ADDRESS_BYTES = 128;
const PORT_OFFSET = 2;

interface SocketCalls {
  readonly setsockopt: (fd: number, level: number, name: number, value: readonly number[], length: number) => number;
  readonly getsockopt: (fd: number, level: number, name: number, value: number[], length: number[]) => number;
  readonly getsockname: (fd: number, address: Uint8Array, length: number[]) => number;
}

/**
 * @param bytes as SO_RCVBUF takes them: Linux reserves twice as much, for what it needs itself, and at most twice net.core.rmem_max; 0 leaves all as it is
 * @returns throws `receive_buffer_unset` where the option cannot be set; does nothing elsewhere than on Linux
 */
export async function loadReceiveBuffers(bytes: number): Promise<BoundReceiveBuffers> {
  if (bytes === 0 || process.platform !== 'linux') return () => undefined;
  const calls = await loadSocketCalls();
  return (port) => {
    const listening = openFiles().filter((fd) => isListening(calls, fd) && portOf(calls, fd) === port);
    const outcomes = listening.map((fd) => calls.setsockopt(fd, SOL_SOCKET, SO_RCVBUF, [bytes], INT_BYTES));
    if (outcomes.length === 0 || outcomes.some((outcome) => outcome !== 0)) throw unset(`of ${outcomes.length} sockets at port ${port}`);
  };
}

function openFiles(): number[] {
  try {
    return readdirSync(OPEN_FILES_PATH).map(Number);
  } catch (error) {
    throw unset(String(error), error);
  }
}

/** False also of what is no socket, or closed by now. */
function isListening({ getsockopt }: SocketCalls, fd: number): boolean {
  const value = [0];
  return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, value, [INT_BYTES]) === 0 && value[0] === 1;
}

function portOf({ getsockname }: SocketCalls, fd: number): number {
  const address = Buffer.alloc(ADDRESS_BYTES);
  return getsockname(fd, address, [ADDRESS_BYTES]) === 0 ? address.readUInt16BE(PORT_OFFSET) : 0;
}

async function loadSocketCalls(): Promise<SocketCalls> {
  try {
    const libc = await loadCLibrary();
    return {
      setsockopt: libc.func('int setsockopt(int fd, int level, int name, const int *value, uint32_t length)'),
      getsockopt: libc.func('int getsockopt(int fd, int level, int name, _Out_ int *value, _Inout_ uint32_t *length)'),
      getsockname: libc.func('int getsockname(int fd, _Out_ uint8_t *address, _Inout_ uint32_t *length)'),
    };
  } catch (error) {
    throw unset(error instanceof Error ? error.message : String(error), error);
  }
}

function unset(reason: string, cause?: unknown): OperatingError {
  return new OperatingError('receive_buffer_unset', { reason }, { cause });
}

/** The messages between the supervisor and its child, over Node's IPC channel. */
import { isRecord } from '../../base/json.ts';

/** What the child is told before it opens anything. The password travels here, where no process list shows it. */
export interface ChildOptions {
  /** Absolute. The child owns everything below it. */
  readonly data_directory: string;
  /** 0 = any free one. */
  readonly port: number;
  /** Empty = user `default` needs none. */
  readonly password: string;
  readonly body_bytes_max: number;
  /** The engine's memory limit; 0 = half of the machine's. */
  readonly memory_bytes_max: number;
  /** With less free disk INSERTs are refused with code 243. */
  readonly free_bytes_min: number;
  readonly read_sessions: number;
  readonly queue_max: number;
  /** How long to wait for a port that a dying predecessor may still hold. */
  readonly takeover_wait_ms: number;
}

/** `step_back`: from now on it works beside a daemon that acknowledges. */
export type ToChild = { readonly type: 'start'; readonly options: ChildOptions } | { readonly type: 'step_back' | 'stop' };

export type FromChild =
  | { readonly type: 'ready'; readonly port: number; readonly version: string }
  | { readonly type: 'failed'; readonly reason: 'port_in_use' | 'engine'; readonly detail: string };

/** Names below the data directory. The child's working directory is `requests`: INFILE takes names in it without a path. */
export const ENGINE_DIRECTORY = 'engine';
export const REQUESTS_DIRECTORY = 'requests';
export const CONFIG_FILE = 'engine.xml';
export const USERS_FILE = 'users.xml';

/** Reads a message off the channel; undefined for anything that is none of ours. */
export function parseFromChild(message: unknown): FromChild | undefined {
  if (!isRecord(message)) return undefined;
  const { type, port, version, reason, detail } = message;
  if (type === 'ready' && typeof port === 'number' && typeof version === 'string') return { type, port, version };
  if (type === 'failed' && (reason === 'port_in_use' || reason === 'engine') && typeof detail === 'string') return { type, reason, detail };
  return undefined;
}

/** The same for the child's side. */
export function parseToChild(message: unknown): ToChild | undefined {
  if (!isRecord(message)) return undefined;
  const { type, options } = message;
  if (type === 'step_back' || type === 'stop') return { type };
  if (type !== 'start' || !isRecord(options)) return undefined;
  const { data_directory, password } = options;
  if (typeof data_directory !== 'string' || typeof password !== 'string') return undefined;
  const number = (name: keyof ChildOptions): number => Number(options[name]);
  return {
    type,
    options: {
      data_directory,
      password,
      port: number('port'),
      body_bytes_max: number('body_bytes_max'),
      memory_bytes_max: number('memory_bytes_max'),
      free_bytes_min: number('free_bytes_min'),
      read_sessions: number('read_sessions'),
      queue_max: number('queue_max'),
      takeover_wait_ms: number('takeover_wait_ms'),
    },
  };
}

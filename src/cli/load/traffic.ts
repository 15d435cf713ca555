/** What a load is made of: the requests that it sends, and how their answers are understood. */
import type { Address } from '../daemon_address.ts';

export interface Traffic {
  /** The requests of one connection; all connections draw on the same events. */
  createRequests(): RequestMaker;
  /** What an answer of status 2xx says became of the events; undefined when it says nothing of the kind. */
  readCounts(body: string): Counts | undefined;
}

export interface RequestMaker {
  /** A request with the next `events` events, the connection's `seq`-th; its bytes are valid until the next call. */
  next(events: number, seq: number): Uint8Array;
}

export interface Counts {
  readonly accepted: number;
  readonly rejected: number;
}

/** Where a load goes and whose it is. */
export interface Destination {
  readonly address: Address;
  readonly key: string;
}

/** Of the header `Host`. */
export function authorityOf({ host, port }: Address): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** A connection of a load, whatever it speaks: one batch in flight, and an answer to it or none. */
import type { HttpAnswer } from './http_answer.ts';

export interface Connection {
  /**
   * Sends one batch, connecting if it must, and resolves to its answer or rejects with NoAnswer. `bytes` must stay as they are until
   * then. One batch at a time.
   *
   * @param seq the batch's number on this connection
   */
  send(bytes: Uint8Array, seq: number): Promise<HttpAnswer>;
  /** Gives up the batch in flight if it was sent more than `answer_ms_max` ago; to be called now and then. */
  expire(answer_ms_max: number): void;
  /** Closes the connection; a batch in flight is given up. */
  close(): void;
}

/**
 * A body of one JSON value per line (NDJSON). A line that is not JSON is one rejection, a blank one nothing. Where the kernel reads the
 * lines (`kernel_path.ts`), those that it leaves are judged here; where it does not, all of them are.
 */
import type { DecodeResult, Decoder, DecoderRequest, RejectionReason } from '../../contract/source.ts';
import type { JsonBatches } from './json_batch.ts';

const LINE_FEED = 0x0a;

/** What became of a line; too many keys fail the whole request, as they do in a batch. */
export type LineVerdict = 'accepted' | 'rejected' | 'too_many_keys';

export interface JsonLinesPorts {
  readonly batches: JsonBatches;
  /** A longer event is not looked at. */
  eventBytesMax(): number;
  reject(reason: RejectionReason): void;
}

export class JsonLines {
  constructor(private readonly ports: JsonLinesPorts) {}

  /** Judges every line of a body. */
  decode(request: DecoderRequest, decoder: Decoder): DecodeResult {
    const { batches } = this.ports;
    const body = batches.bytesOf(request);
    const counts = { accepted: 0, rejected: 0 };
    for (let next = 0; next < body.length; ) {
      const line_feed = body.indexOf(LINE_FEED, next);
      const line_end = line_feed === -1 ? body.length : line_feed;
      const { start, end } = trimmed(body, next, line_end);
      next = line_end + 1;
      if (start === end) continue;
      batches.setElement(request.offset + start, end - start);
      const verdict = this.judge(request, decoder);
      if (verdict === 'too_many_keys') return { kind: 'failed', code: verdict };
      counts[verdict]++;
    }
    return { kind: 'counts', ...counts };
  }

  /** Judges the line that is the batches' element, without the white space around it. */
  judge(request: DecoderRequest, decoder: Decoder): LineVerdict {
    const { batches } = this.ports;
    if (batches.elementBytes(0) > this.ports.eventBytesMax()) return this.reject('event_too_large');
    const parsed = batches.parseLine();
    if (parsed === 'too_many_keys') return parsed;
    if (parsed === 'not_json') return this.reject(parsed);
    return decoder.take(batches, 0, request) ? 'accepted' : 'rejected';
  }

  private reject(reason: RejectionReason): LineVerdict {
    this.ports.reject(reason);
    return 'rejected';
  }
}

function isBlank(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x09 || byte === 0x0d;
}

function trimmed(body: Buffer, from: number, to: number): { start: number; end: number } {
  let [start, end] = [from, to];
  while (start < end && isBlank(body[start])) start++;
  while (end > start && isBlank(body[end - 1])) end--;
  return { start, end };
}

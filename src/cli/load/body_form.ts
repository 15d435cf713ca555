/** How a load writes its batches: as what document, and in what encoding it goes over the wire. */
import { brotliCompressSync, constants, deflateSync, gzipSync } from 'node:zlib';
import { writeMessagePack } from './message_pack_writer.ts';

export const TRANSPORTS = ['http', 'ws'] as const;
export type Transport = (typeof TRANSPORTS)[number];

export const ENCODINGS = ['json', 'ndjson', 'msgpack', 'gzip', 'deflate', 'br'] as const;
export type Encoding = (typeof ENCODINGS)[number];

/** The encodings that messages of a stream have. */
export const STREAM_ENCODINGS: readonly Encoding[] = ['json', 'msgpack'];

export interface BodyForm {
  /** Before the first event, between events, and after the last. */
  opening(seq: number): string;
  readonly separator: string;
  readonly ending: string;
  /** Of an HTTP request. */
  readonly headers: string;
  /** From the document to what is sent; absent when it is sent as it is. */
  readonly encode?: (document: Buffer) => Uint8Array;
}

const LINES_HEADER = 'Content-Type: application/x-ndjson\r\n';
const PACKED_HEADER = 'Content-Type: application/msgpack\r\n';
const JSON_HEADER = 'Content-Type: application/json\r\n';
/** What a phone would spend on it. */
const BROTLI = { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } };

const ENCODERS: Readonly<Record<Encoding, Pick<BodyForm, 'headers' | 'encode'>>> = {
  json: { headers: JSON_HEADER },
  ndjson: { headers: LINES_HEADER },
  msgpack: { headers: PACKED_HEADER, encode: (document) => writeMessagePack(JSON.parse(document.toString('utf8'))) },
  gzip: { headers: `${JSON_HEADER}Content-Encoding: gzip\r\n`, encode: (document) => gzipSync(document) },
  deflate: { headers: `${JSON_HEADER}Content-Encoding: deflate\r\n`, encode: (document) => deflateSync(document) },
  br: { headers: `${JSON_HEADER}Content-Encoding: br\r\n`, encode: (document) => brotliCompressSync(document, BROTLI) },
};

/** The form of an encoding; the messages of a stream carry their number. */
export function bodyForm(encoding: Encoding, transport: Transport): BodyForm {
  const encoder = ENCODERS[encoding];
  if (encoding === 'ndjson') return { ...encoder, opening: () => '', separator: '\n', ending: '\n' };
  const opening = (seq: number): string => (transport === 'ws' ? `{"seq":${seq},"events":[` : '{"events":[');
  return { ...encoder, opening, separator: ',', ending: ']}' };
}

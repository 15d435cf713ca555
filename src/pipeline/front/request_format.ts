/** What a request's head says of how its body is written, and what of that can be read here. */
import * as zlib from 'node:zlib';
import type { ErrorCode, ErrorContext } from '../../contract/errors.ts';
import { CODINGS, type Coding, type Media } from '../../contract/format.ts';

/** What `fetch` and `curl -d` send unasked is read as JSON too. */
const MEDIA_TYPES: ReadonlyMap<string, Media> = new Map<string, Media>([
  ['', 'json'],
  ['application/json', 'json'],
  ['text/plain', 'json'],
  ['application/x-www-form-urlencoded', 'json'],
  ['application/x-ndjson', 'ndjson'],
  ['application/msgpack', 'msgpack'],
  ['application/x-msgpack', 'msgpack'],
  ['application/vnd.msgpack', 'msgpack'],
]);

/** The name by which an error tells a sender of each. */
export const MEDIA_TYPE_NAMES: Readonly<Record<Media, string>> = {
  json: 'application/json',
  ndjson: 'application/x-ndjson',
  msgpack: 'application/msgpack',
};

/** zstd came with Node 22.15. */
const HAS_ZSTD = typeof Reflect.get(zlib, 'zstdDecompressSync') === 'function';

/** The content codings that this runtime can undo. */
export const CODINGS_TAKEN: readonly Coding[] = CODINGS.filter((coding) => coding !== 'zstd' || HAS_ZSTD);

/** The media that a Content-Type stands for; undefined for one that is none of ours. */
export function mediaOf(content_type: string): Media | undefined {
  if (content_type === 'application/json') return 'json';
  const media_type = (content_type.split(';', 1)[0] ?? '').trim().toLowerCase();
  return MEDIA_TYPES.get(media_type) ?? (/^[a-z]+\/[a-z0-9.!#$&^_-]+\+json$/.test(media_type) ? 'json' : undefined);
}

/** The coding that a Content-Encoding names; undefined for one that is unknown here, and for several on top of each other. */
export function codingOf(content_encoding: string): Coding | undefined {
  const name = content_encoding.trim().toLowerCase();
  if (name === '') return 'identity';
  const coding = name === 'x-gzip' ? 'gzip' : name;
  return CODINGS_TAKEN.find((each) => each === coding);
}

/** What a sender is told of why its head was refused, beside the reason itself. */
export function refusalContext(problem: ErrorCode | undefined, media: readonly Media[], body_bytes_max: number): ErrorContext | undefined {
  switch (problem) {
    case 'body_too_large':
      return { body_bytes_max };
    case 'media_type_unsupported':
      return { supported: media.map((each) => MEDIA_TYPE_NAMES[each]).join(', ') };
    case 'encoding_unsupported':
      return { supported: CODINGS_TAKEN.filter((coding) => coding !== 'identity').join(', ') };
    default:
      return undefined;
  }
}

/** What a request's head says of how its body is written, and what of that can be read here. */
import * as zlib from 'node:zlib';
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

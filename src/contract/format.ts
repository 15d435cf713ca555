/**
 * How a body is written: its media type and its content coding. Both are decided by the request's head, on the main thread, and
 * read by a worker; between them they travel as one small number.
 */

/** One JSON value; one JSON value per line; MessagePack. */
export const MEDIA = ['json', 'ndjson', 'msgpack'] as const;
export type Media = (typeof MEDIA)[number];

export const CODINGS = ['identity', 'gzip', 'deflate', 'br', 'zstd'] as const;
export type Coding = (typeof CODINGS)[number];

export interface BodyFormat {
  readonly media: Media;
  readonly coding: Coding;
}

/** JSON as it is: what nearly every request has, and what needs no work before it is read. */
export const PLAIN_FORMAT = 0;

/** A format as a number below 16; `PLAIN_FORMAT` for JSON as it is. */
export function formatNumber({ media, coding }: BodyFormat): number {
  return MEDIA.indexOf(media) + CODINGS.indexOf(coding) * MEDIA.length;
}

/** The format of a number that `formatNumber` gave. */
export function formatOf(number: number): BodyFormat {
  return { media: MEDIA[number % MEDIA.length], coding: CODINGS[Math.floor(number / MEDIA.length)] };
}

/** Undoes the content coding of a long body as a stream, off the main thread, and holds it against the limit while it unfolds. */
import { Readable, type Transform } from 'node:stream';
import * as zlib from 'node:zlib';
import { OperatingError } from '../../contract/errors.ts';
import type { Coding } from '../../contract/format.ts';

const CHUNK_BYTES = 256 * 1024;
const OPTIONS = { chunkSize: CHUNK_BYTES };

type CreateTransform = (options: { readonly chunkSize: number }) => Transform;

function isCreateTransform(value: unknown): value is CreateTransform {
  return typeof value === 'function';
}

const create_zstd: unknown = Reflect.get(zlib, 'createZstdDecompress');

/** @throws `encoding_unsupported` for a coding that this runtime does not have */
async function createTransform(coding: Exclude<Coding, 'identity'>, first: Uint8Array): Promise<Transform> {
  switch (coding) {
    case 'gzip':
      return zlib.createGunzip(OPTIONS);
    case 'br':
      return zlib.createBrotliDecompress(OPTIONS);
    case 'deflate':
      // RFC 9110 means zlib's format; some senders mean raw deflate, which a zlib header tells apart.
      return (first[0] & 15) === 8 ? zlib.createInflate(OPTIONS) : zlib.createInflateRaw(OPTIONS);
    case 'zstd':
      if (!isCreateTransform(create_zstd)) throw new OperatingError('encoding_unsupported', { supported: 'gzip, deflate, br' });
      return create_zstd(OPTIONS);
  }
}

/**
 * The parts of a body as they were before they were coded; each is lent until the next one is asked for, and so are those of `parts`.
 *
 * @throws `body_too_large`, `inflated_too_large`, `encoding_corrupt`, and what `parts` throws
 */
export async function* unfold(parts: AsyncIterable<Uint8Array>, coding: Coding, body_bytes_max: number): AsyncGenerator<Uint8Array> {
  let body_bytes = 0;
  const is_coded = coding !== 'identity';
  for await (const part of is_coded ? decode(parts, coding) : parts) {
    body_bytes += part.length;
    if (body_bytes > body_bytes_max) throw new OperatingError(is_coded ? 'inflated_too_large' : 'body_too_large', { body_bytes_max });
    yield part;
  }
}

async function* decode(parts: AsyncIterable<Uint8Array>, coding: Exclude<Coding, 'identity'>): AsyncGenerator<Uint8Array> {
  const iterator = parts[Symbol.asyncIterator]();
  const first = await iterator.next();
  if (first.done === true) throw new OperatingError('encoding_corrupt');
  const transform = await createTransform(coding, first.value);
  let source_failure: unknown;
  const source = Readable.from(
    (async function* () {
      try {
        // A stream reads ahead of what it has worked on.
        yield Buffer.from(first.value);
        for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) yield Buffer.from(next.value);
      } catch (error) {
        source_failure = error;
        throw error;
      }
    })(),
    { objectMode: false },
  );
  source.on('error', (error) => transform.destroy(error));
  try {
    for await (const part of source.pipe(transform)) {
      const bytes: Uint8Array = part;
      yield bytes;
    }
  } catch (error) {
    throw source_failure ?? new OperatingError('encoding_corrupt', {}, { cause: error });
  } finally {
    source.destroy();
    transform.destroy();
  }
}

/** Undoes the content coding of a long body as a stream, off the main thread, and holds it against the limit while it unfolds. */
import { Readable, type Transform } from 'node:stream';
import * as zlib from 'node:zlib';
import { isZlibFormat, ZLIB_HEAD_BYTES } from '../../base/zlib_format.ts';
import { ZstdFrame } from '../../base/zstd_frame.ts';
import { OperatingError } from '../../contract/errors.ts';
import type { Coding } from '../../contract/format.ts';

const CHUNK_BYTES = 256 * 1024;
const OPTIONS = { chunkSize: CHUNK_BYTES };

type Unfolding = Transform & zlib.Zlib;
type CreateTransform = (options: { readonly chunkSize: number }) => Unfolding;

function isCreateTransform(value: unknown): value is CreateTransform {
  return typeof value === 'function';
}

const create_zstd: unknown = Reflect.get(zlib, 'createZstdDecompress');

/** @throws `encoding_unsupported` for a coding that this runtime does not have */
async function createTransform(coding: Exclude<Coding, 'identity'>, first: Uint8Array): Promise<Unfolding> {
  switch (coding) {
    case 'gzip':
      return zlib.createGunzip(OPTIONS);
    case 'br':
      return zlib.createBrotliDecompress(OPTIONS);
    case 'deflate':
      return isZlibFormat(first) ? zlib.createInflate(OPTIONS) : zlib.createInflateRaw(OPTIONS);
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
  const first = await firstBytes(iterator);
  if (first.length === 0) throw new OperatingError('encoding_corrupt');
  const transform = await createTransform(coding, first);
  let source_failure: unknown;
  let given_bytes = 0;
  const frame = new ZstdFrame();
  const source = Readable.from(
    (async function* () {
      try {
        given_bytes = first.length;
        if (coding === 'zstd') frame.push(first);
        yield first;
        for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) {
          given_bytes += next.value.length;
          if (coding === 'zstd') frame.push(next.value);
          // A stream reads ahead of what it has worked on.
          yield Buffer.from(next.value);
        }
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
    // What stands behind the end is passed over in silence, and events may be in it. gunzip reads all members and refuses what is none.
    if (coding !== 'gzip' && transform.bytesWritten < given_bytes) throw new Error('there is more behind the end');
    if (coding === 'zstd' && !frame.isComplete()) throw new Error('it is not one whole frame');
  } catch (error) {
    throw source_failure ?? new OperatingError('encoding_corrupt', {}, { cause: error });
  } finally {
    source.destroy();
    transform.destroy();
  }
}

/** As many of the first parts as show the format of the body, copied. */
async function firstBytes(parts: AsyncIterator<Uint8Array>): Promise<Buffer> {
  let first = Buffer.alloc(0);
  while (first.length < ZLIB_HEAD_BYTES) {
    const next = await parts.next();
    if (next.done === true) return first;
    first = Buffer.concat([first, next.value]);
  }
  return first;
}

/**
 * Request bodies: decompressed, bounded, and complete or not at all.
 *
 * A body stays in memory up to the size of a query and goes to a file beyond it. A body that was cut off (connection lost,
 * fewer bytes than announced, compression that stops short) rejects, so that nothing of it is ever run.
 */
import { createReadStream, createWriteStream } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { Transform, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import * as zlib from 'node:zlib';
import { exception } from './exception.ts';

/** A complete body. */
export interface Body {
  /** All of it, or its first bytes when there is a `file`. */
  readonly head: Buffer;
  /** Name of the file that holds all of it, in the working directory; undefined when `head` is all. */
  readonly file: string | undefined;
}

/**
 * Reads the body of `request`.
 *
 * @param file the name to use if it does not fit in memory; the caller removes it, also after a rejection
 * @param limits `head_bytes_max` is kept in memory; more than `body_bytes_max` after decompression is refused
 */
export async function readBody(
  request: IncomingMessage,
  file: string,
  limits: { readonly head_bytes_max: number; readonly body_bytes_max: number },
): Promise<Body> {
  const collector = new BodyCollector(file, limits.head_bytes_max);
  const decoder = decoderOf(request.headers['content-encoding'] ?? '');
  try {
    await pipeline([request, ...(decoder === undefined ? [] : [decoder]), boundedTo(limits.body_bytes_max), collector]);
  } catch (error) {
    if (error instanceof Error && 'code' in error && /^(?:Z_|ERR_|ECONN|ZSTD)/.test(String(error.code))) {
      throw exception('CANNOT_READ_ALL_DATA', `The request's body did not arrive whole (${error.message}); nothing of it was run`);
    }
    throw error;
  }
  if (!request.complete) throw exception('CANNOT_READ_ALL_DATA', "The request's body did not arrive whole; nothing of it was run");
  return collector.body();
}

/**
 * Puts the bytes of `prefix` and of `body` from `body_offset` on into a file that the engine can read.
 *
 * @returns the file's name in the working directory; the caller removes `file` afterwards, and the body's own
 */
export async function dataFile(prefix: Buffer, body: Body, body_offset: number, file: string): Promise<string> {
  if (body.file === undefined) {
    await writeFile(file, Buffer.concat([prefix, body.head.subarray(body_offset)]), { flag: 'wx', mode: 0o600 });
    return file;
  }
  if (prefix.length === 0 && body_offset === 0) return body.file;
  await writeFile(file, prefix, { flag: 'wx', mode: 0o600 });
  await pipeline(createReadStream(body.file, { start: body_offset }), createWriteStream(file, { flags: 'a' }));
  return file;
}

export async function removeFiles(...files: readonly string[]): Promise<void> {
  await Promise.all(files.map((file) => rm(file, { force: true })));
}

class BodyCollector extends Writable {
  #chunks: Buffer[] = [];
  #bytes = 0;
  #spill: ReturnType<typeof createWriteStream> | undefined;

  constructor(
    private readonly file: string,
    private readonly head_bytes_max: number,
  ) {
    super();
  }

  body(): Body {
    return { head: Buffer.concat(this.#chunks), file: this.#spill === undefined ? undefined : this.file };
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.#bytes += chunk.length;
    if (this.#spill !== undefined) {
      this.#spill.write(chunk, (error) => done(error));
      return;
    }
    this.#chunks.push(chunk);
    if (this.#bytes <= this.head_bytes_max) {
      done();
      return;
    }
    const head = Buffer.concat(this.#chunks);
    this.#chunks = [head];
    this.#spill = createWriteStream(this.file, { flags: 'wx', mode: 0o600 });
    this.#spill.on('error', (error) => this.destroy(error));
    this.#spill.write(head, (error) => done(error));
  }

  override _final(done: (error?: Error | null) => void): void {
    if (this.#spill === undefined) done();
    else this.#spill.end(() => done());
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#spill?.destroy();
    done(error);
  }
}

function boundedTo(bytes_max: number): Transform {
  let bytes = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      if (bytes <= bytes_max) done(null, chunk);
      else done(exception('TOO_LARGE_SIZE_COMPRESSED', `The request's body is larger than ${bytes_max} bytes`));
    },
  });
}

function decoderOf(content_encoding: string): Transform | undefined {
  switch (content_encoding.trim().toLowerCase()) {
    case '':
    case 'identity':
      return undefined;
    case 'gzip':
    case 'x-gzip':
      return zlib.createGunzip();
    case 'deflate':
      return zlib.createInflate();
    case 'br':
      return zlib.createBrotliDecompress();
    case 'zstd': {
      // Node has it from 22.15 on; the types of Node 20 do not know it.
      const create: unknown = Reflect.get(zlib, 'createZstdDecompress');
      const decoder: unknown = typeof create === 'function' ? Reflect.apply(create, zlib, []) : undefined;
      if (decoder instanceof Transform) return decoder;
      break;
    }
  }
  throw exception('NOT_IMPLEMENTED', `Content-Encoding '${content_encoding}' is not taken here; use gzip, deflate or br`);
}

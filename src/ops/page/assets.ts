/**
 * The page's files: HTML, CSS, modules and uPlot, read once at the start and served from memory, compressed for who takes it once
 * somebody asks.
 *
 * They hold no data, so that they are open without the token: a browser must have the page before it can ask for one. The browser
 * may keep them and asks each time whether they are still the same. The policy lets the page load from here and nowhere else.
 */
import { hash } from 'node:crypto';
import { extname } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { AdminRequest, AdminRoute } from '../admin_server.ts';

const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

export interface AssetFile {
  /** Where it is served. */
  readonly path: string;
  /** Where it is on the disk; its ending says what it is. */
  readonly file: string;
}

/** Rejects when a file is missing: then the package is not whole. */
export function loadAssets(files: readonly AssetFile[], read_file: (file: string) => Promise<Uint8Array>): Promise<AdminRoute[]> {
  return Promise.all(files.map(async ({ path, file }) => createRoute(path, extname(file), await read_file(file))));
}

function createRoute(path: string, ending: string, bytes: Uint8Array): AdminRoute {
  const content_type = CONTENT_TYPES[ending] ?? 'application/octet-stream';
  let compressed: Promise<Uint8Array> | undefined;
  const tag = `"${hash('sha256', bytes, 'hex').slice(0, 32)}"`;
  const headers = {
    'Cache-Control': 'no-cache',
    'Content-Security-Policy': POLICY,
    'Referrer-Policy': 'no-referrer',
    ETag: tag,
    Vary: 'Accept-Encoding',
  };
  const answer = async (request: AdminRequest) => {
    if (request.headers['if-none-match'] === tag) return { status: 304, content_type, body: '', headers };
    if (!/\bgzip\b/.test(String(request.headers['accept-encoding'] ?? ''))) return { status: 200, content_type, body: bytes, headers };
    compressed ??= promisify(gzip)(bytes);
    return { status: 200, content_type, body: await compressed, headers: { ...headers, 'Content-Encoding': 'gzip' } };
  };
  return { path, is_open: true, is_part: path !== '/', answer };
}

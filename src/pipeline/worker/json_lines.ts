/**
 * One JSON value per line (NDJSON) as a batch. A line that is not JSON is one rejection and a blank one nothing, so that each line is
 * parsed for itself before its bytes are put among the others': a line could otherwise close the batch, or open another.
 */
import { isUtf8 } from 'node:buffer';
import { parseJson } from '../../base/json.ts';
import { JsonText } from './json_text.ts';

const LINE_FEED = 0x0a;
const DEPTH_MAX = 500;
/** A line that cannot nest too deep, since it is too short to. */
const SHALLOW_BYTES_MAX = 2 * DEPTH_MAX;

export interface JsonLines {
  /** `{"<member>":[…]}` of the lines that are JSON, each as it came. */
  readonly body: Buffer;
  readonly not_json: number;
  /** Lines longer than the limit, JSON or not. */
  readonly too_large: number;
}

/** @param line_bytes_max a longer line is not looked at */
export function readJsonLines(bytes: Buffer, member: string, line_bytes_max: number): JsonLines {
  const body = new JsonText(bytes.length + member.length);
  const counts = { not_json: 0, too_large: 0 };
  body.raw(`{${JSON.stringify(member)}:[`);
  let is_first = true;
  for (let start = 0; start < bytes.length; ) {
    const line_feed = bytes.indexOf(LINE_FEED, start);
    const end = line_feed === -1 ? bytes.length : line_feed;
    const line = bytes.subarray(start, end);
    start = end + 1;
    if (isBlank(line)) continue;
    if (line.length > line_bytes_max) {
      counts.too_large++;
    } else if (isJson(line)) {
      if (!is_first) body.raw(',');
      is_first = false;
      body.rawBytes(line);
    } else {
      counts.not_json++;
    }
  }
  body.raw(']}');
  return { body: body.finish(), ...counts };
}

function isBlank(line: Buffer): boolean {
  for (const byte of line) if (byte !== 0x20 && byte !== 0x09 && byte !== 0x0d) return false;
  return true;
}

function isJson(line: Buffer): boolean {
  if (!isUtf8(line) || (line.length > SHALLOW_BYTES_MAX && nestsTooDeep(line))) return false;
  return parseJson(line.toString('utf8')) !== undefined;
}

/** Counts brackets outside of strings; of text that is not JSON the count may be wrong, and does not matter. */
function nestsTooDeep(line: Buffer): boolean {
  let depth = 0;
  let is_string = false;
  for (let at = 0; at < line.length; at++) {
    const byte = line[at];
    if (is_string) {
      if (byte === 0x5c) at++;
      else if (byte === 0x22) is_string = false;
    } else if (byte === 0x22) {
      is_string = true;
    } else if (byte === 0x5b || byte === 0x7b) {
      depth++;
      if (depth > DEPTH_MAX - 2) return true;
    } else if (byte === 0x5d || byte === 0x7d) {
      depth--;
    }
  }
  return false;
}

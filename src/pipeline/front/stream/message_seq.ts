/**
 * Finds the number that a client gave its message, the member `seq` of the document, without reading the document.
 *
 * The main thread needs it before the message goes to a worker. Clients write it first or last: these two places are looked at with
 * an expression over a few bytes. Anywhere else it is found by a walk that skips strings and counts brackets, which only messages pay
 * that contain the word. For what is valid JSON or MessagePack the answer is exact, but for a key that is written with escapes
 * (`"\u0073eq"`), which is not seen; what is invalid is refused by the worker whatever is found here. Of several the first or the last
 * counts: a client sends one.
 */
import { type Head, isContainer, readHead } from '../../../base/message_pack_head.ts';

/** A whole number from 0 to 2^53 - 1; undefined when the message has none, or null; `invalid` when it has something else. */
export type MessageSeq = number | undefined | 'invalid';

/** Where `seq` stands at an end of the message, this much holds it. */
const END_BYTES = 64;
const SPACE = '[ \\t\\r\\n]*';
const SCALAR = '([^,{}\\[\\]" \\t\\r\\n]+)';
const FIRST = new RegExp(`^${SPACE}\\{${SPACE}"seq"${SPACE}:${SPACE}${SCALAR}${SPACE}[,}]`);
/** A quote inside a string is escaped, so that `,"seq"` before a bare value can only be a key; and the bracket behind it is the last. */
const LAST = new RegExp(`[,{]${SPACE}"seq"${SPACE}:${SPACE}${SCALAR}${SPACE}\\}${SPACE}$`);
const VALUE = new RegExp(`^${SPACE}:${SPACE}(?:${SCALAR}${SPACE}[,}])?`);

const KEY = '"seq"';
const NAME = 'seq';
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPENING: ReadonlySet<number> = new Set([0x5b, 0x7b]);
const CLOSING: ReadonlySet<number> = new Set([0x5d, 0x7d]);

/** The `seq` of a message that is one JSON object. */
export function seqOfJson(message: Buffer): MessageSeq {
  const first = FIRST.exec(message.toString('latin1', 0, END_BYTES));
  if (first !== null) return seqOfText(first[1]);
  const last = LAST.exec(message.toString('latin1', Math.max(0, message.length - END_BYTES)));
  if (last !== null) return seqOfText(last[1]);
  return message.includes(KEY) ? walk(message) : undefined;
}

function walk(message: Buffer): MessageSeq {
  let depth = 0;
  for (let at = 0; at < message.length; at++) {
    const byte = message[at];
    if (OPENING.has(byte)) depth++;
    else if (CLOSING.has(byte)) depth--;
    else if (byte === QUOTE) {
      const end = endOfString(message, at);
      const is_name = depth === 1 && end - at === KEY.length && message.toString('latin1', at, end) === KEY;
      const value = is_name ? VALUE.exec(message.toString('latin1', end, end + END_BYTES)) : null;
      if (value !== null) return seqOfText(value[1]);
      at = end - 1;
    }
  }
  return undefined;
}

/** The offset after the string that begins at `start`; the message's length when it does not end. */
function endOfString(message: Buffer, start: number): number {
  for (let quote = message.indexOf(QUOTE, start + 1); quote >= 0; quote = message.indexOf(QUOTE, quote + 1)) {
    let escapes = 0;
    while (message[quote - 1 - escapes] === BACKSLASH) escapes++;
    if (escapes % 2 === 0) return quote + 1;
  }
  return message.length;
}

/** @param text a value that is no string, array or object; undefined for one that is */
function seqOfText(text: string | undefined): MessageSeq {
  if (text === 'null') return undefined;
  if (text === undefined || !/^[0-9]{1,16}$/.test(text)) return 'invalid';
  return checked(Number(text));
}

function checked(value: number): number | 'invalid' {
  return Number.isSafeInteger(value) && value >= 0 ? value : 'invalid';
}

/** The `seq` of a message that is one map of MessagePack. */
export function seqOfMessagePack(message: Buffer): MessageSeq {
  const map = readHead(message, 0);
  if (map?.kind !== 'map' || !message.includes(NAME)) return undefined;
  let at = map.bytes;
  for (let pair = 0; pair < map.count; pair++) {
    const key = readHead(message, at);
    if (key === undefined) return undefined;
    const key_at = at + key.bytes;
    const is_name = key.kind === 'text' && key.count === NAME.length && message.toString('latin1', key_at, key_at + key.count) === NAME;
    at = skipValue(message, at);
    if (is_name) return seqAt(message, at);
    at = skipValue(message, at);
  }
  return undefined;
}

/** The offset after the value at `at`; beyond the end of the message when it is not whole. */
function skipValue(message: Buffer, at: number): number {
  let to = at;
  for (let remaining = 1; remaining > 0; remaining--) {
    const head = readHead(message, to);
    if (head === undefined) return message.length + 1;
    to += head.bytes;
    if (isContainer(head)) remaining += head.kind === 'map' ? head.count * 2 : head.count;
    else to += head.count;
  }
  return to;
}

function seqAt(message: Buffer, at: number): MessageSeq {
  const head = readHead(message, at);
  if (head === undefined || at + head.bytes + head.count > message.length) return 'invalid';
  if (message[at] === 0xc0) return undefined;
  return checked(numberAt(message, at, head));
}

/** A number as it is written; NaN for what is none. Some encoders write large whole numbers as floats. */
function numberAt(message: Buffer, at: number, { kind, count, bytes }: Head): number {
  const value_at = at + bytes;
  if (kind === 'float') return count === 4 ? message.readFloatBE(value_at) : message.readDoubleBE(value_at);
  if (kind !== 'integer') return Number.NaN;
  const first = message[at];
  if (count === 0) return first < 0x80 ? first : first - 256;
  if (count === 8) return Number(first === 0xcf ? message.readBigUInt64BE(value_at) : message.readBigInt64BE(value_at));
  return first < 0xd0 ? message.readUIntBE(value_at, count) : message.readIntBE(value_at, count);
}

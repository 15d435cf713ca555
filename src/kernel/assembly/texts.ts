/**
 * The quick way through events: their texts as most are, one after the other, as long as each key is the one that came there the last
 * time, and nothing stands between them but what must. A text goes into its column here when its dictionary's cache has it, when
 * it is copied while its quote is looked for, or when it is JSON of a known shape; `fields.ts` has the others.
 *
 * Nothing is called in the loop from text to text, so that what goes from one to the next stays in registers: V8 has every register saved in
 * memory around each call, and at each turn of a loop that has a call. So `readTexts` is exported, or else the compiler would make it a part
 * of who calls it.
 */
import { BYTES } from './columns';
import { INDEX_BYTES } from './dictionary';
import { nextEvent } from './events';
import { headLength, matchHead, WHOLE_HEAD } from './heads';
import { appendShapedText, SHAPED_ROOM_BYTES } from './json_shape';
import {
  acceptsShort,
  fieldBit,
  fieldCache,
  fieldColumn,
  firstIndex,
  likelyNext,
  noteColumn,
  textWay,
  unknownField,
  WAY_ENTRY,
  WAY_JSON,
  WAY_SHORT_ENTRY,
  WAY_STRING,
} from './program';
import { fieldsSeen, indexOffset, setSeen } from './row';
import { memberSeparator, memberSeparatorBytes, memberSeparatorMask } from './separators';
import { quoteBytes, specialBytes } from './strings';
import { QUOTE } from './text';
import { cachedEntry, cacheSlot, hasShortText, hasText, paddedHead, paddedTail, secondSlot } from './text_cache';
import { setVectorEnd, vectorEnd, vectorRoom } from './vector';

/** A text up to this length has one byte of length before it. */
const SHORT_BYTES_MAX: u32 = 127;

/** The field that `readTexts` is to begin with, and then the one it was at; where the text of that begins. */
export let text_field: u32 = 0;
export let text_start: u32 = 0;

/** Has `readTexts` begin with a field, whose text begins at `start`, behind its quote. The event has not had that field before. */
export function setText(field: u32, start: u32): void {
  text_field = field;
  text_start = start;
}

/**
 * Reads the text that was set, and those of the members that follow, from event to event (`events.ts`). (It was set, and is no argument, because V8 does not know that the
 * upper half of an argument's register is empty, and would see to that at every address.)
 *
 * Where it runs on behind the end of the body, into what follows a truncated one, no closing brace is found before that end.
 *
 * @returns behind the closing quote of `text_field`'s text; 0 when that is none of those that are read here
 */
export function readTexts(): u32 {
  let offset = indexOffset();
  let field = text_field;
  let start = text_start;
  let seen = fieldsSeen() | fieldBit(field);
  let at: u32 = 0;
  const separator = memberSeparator();
  const separator_mask = memberSeparatorMask();
  const separator_bytes = memberSeparatorBytes();
  while (true) {
    while (true) {
      const way = textWay(field);
      if (way === WAY_SHORT_ENTRY) at = shortEntryEnd(field, start, offset);
      else if (way === WAY_STRING) at = copiedTextEnd(field, start);
      else if (way === WAY_ENTRY) at = entryEnd(field, start, offset);
      else at = 0;
      if (at === 0 || (load<u32>(at) & separator_mask) !== separator) break;
      const next = likelyNext(field);
      const key = at + separator_bytes;
      if (matchHead(next, v128.load(key)) !== WHOLE_HEAD) break;
      const bit = fieldBit(next);
      if ((seen & bit) !== 0) break;
      seen |= bit;
      field = next;
      start = key + headLength(next);
    }
    if (at === 0) {
      at = shapedTextEnd(field, start);
      if (at === 0) {
        seen ^= fieldBit(field);
        break;
      }
    }
    const key = nextEvent(at, seen);
    if (key === 0) break;
    field = likelyNext(unknownField());
    start = key + headLength(field);
    seen = fieldBit(field);
    offset += INDEX_BYTES;
  }
  setText(field, start);
  setSeen(seen);
  return at;
}

/** The same for a text that is JSON, where its shape is known. */
function shapedTextEnd(field: u32, start: u32): u32 {
  if (textWay(field) !== WAY_JSON || vectorRoom(fieldColumn(field) + BYTES) < SHAPED_ROOM_BYTES) return 0;
  return appendShapedText(field, start);
}

/** Only a plain text is in the cache, so that one that is found there has no more to prove than where its quote is. */
function shortEntryEnd(field: u32, start: u32, offset: u32): u32 {
  const chunk = v128.load(start);
  const quotes = quoteBytes(chunk);
  if (quotes === 0) return 0;
  const length = <u32>ctz(quotes);
  const head = paddedHead(chunk, length);
  let slot = cacheSlot(fieldCache(field), head);
  if (!hasShortText(slot, head)) {
    slot = secondSlot(slot);
    if (!hasShortText(slot, head)) return 0;
  }
  store<u32>(firstIndex(field) + offset, cachedEntry(slot));
  return start + length + 1;
}

/** The same for a text that may be twice as long. */
function entryEnd(field: u32, start: u32, offset: u32): u32 {
  const chunk = v128.load(start);
  const more = v128.load(start, 16);
  const quotes = quoteBytes(chunk) | (quoteBytes(more) << 16);
  if (quotes === 0) return 0;
  const length = <u32>ctz(quotes);
  const head = paddedHead(chunk, length);
  const tail = paddedTail(more, length);
  let slot = cacheSlot(fieldCache(field), head);
  if (!hasText(slot, head, tail)) {
    slot = secondSlot(slot);
    if (!hasText(slot, head, tail)) return 0;
  }
  store<u32>(firstIndex(field) + offset, cachedEntry(slot));
  return start + length + 1;
}

/** Copies a text while its quote is looked for. */
function copiedTextEnd(field: u32, start: u32): u32 {
  const bytes = fieldColumn(field) + BYTES;
  if (vectorRoom(bytes) < SHAPED_ROOM_BYTES) return 0;
  const to = vectorEnd(bytes);
  let length: u32 = 0;
  while (length < SHORT_BYTES_MAX - 15) {
    const chunk = v128.load(start + length);
    v128.store(to + length, chunk, 1);
    const special = specialBytes(chunk);
    if (special === 0) {
      length += 16;
      continue;
    }
    length += ctz(special);
    if (load<u8>(start + length) !== QUOTE) break;
    if (!acceptsShort(field, length)) break;
    store<u8>(to, length);
    noteColumn(field, to);
    setVectorEnd(bytes, to + 1 + length);
    return start + length + 1;
  }
  return 0;
}

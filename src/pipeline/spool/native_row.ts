/** Reads the only row of a Native block back into the values that a person can read. */
import { assert } from '../../base/assert.ts';
import { SEGMENT_COLUMN } from '../../contract/table.ts';
import { NativeWalker, shapeOf } from './native_walker.ts';
import type { Pacer } from './pacer.ts';
import type { WindowReader } from './window_reader.ts';

/** The row's columns but for `ingest_segment`: texts, whole and as they are (a JSON document too), times in ISO 8601, UUIDs in their usual form. */
export async function readOnlyRow(reader: WindowReader, pacer: Pacer): Promise<Readonly<Record<string, string>>> {
  const walker = new NativeWalker(reader, pacer);
  const columns = await walker.varuint();
  const rows = await walker.varuint();
  assert(rows === 1, 'BUG: a dead letter has more than one row');
  const values: [string, string][] = [];
  for (let column = 0; column < columns; column++) {
    const name = await walker.text();
    const value = await readValue(walker, await walker.text());
    if (name !== SEGMENT_COLUMN.name) values.push([name, value]);
  }
  return Object.fromEntries(values);
}

async function readValue(walker: NativeWalker, type: string): Promise<string> {
  const { kind, shape } = shapeOf(type);
  if (shape.kind === 'texts') {
    walker.at += shape.state_bytes;
    return walker.text();
  }
  if (shape.kind === 'dictionary') return readDictionaryValue(walker);
  const bytes = await walker.bytes(shape.width_bytes);
  if (kind === 'uint8') return String(bytes.readUInt8());
  return kind === 'uuid' ? uuidText(bytes) : timeText(Number(bytes.readBigInt64LE()));
}

async function readDictionaryValue(walker: NativeWalker): Promise<string> {
  await walker.uint64();
  const width_bytes = 2 ** ((await walker.uint64()) & 0xff);
  const entries = await walker.uint64();
  const entries_offset = walker.at;
  await walker.skipTexts(entries);
  await walker.uint64();
  const index = (await walker.bytes(width_bytes)).readUIntLE(0, width_bytes);
  const end_offset = walker.at;
  walker.at = entries_offset;
  await walker.skipTexts(index);
  const value = await walker.text();
  walker.at = end_offset;
  return value;
}

/** The opposite of `uuidBytes`. */
function uuidText(bytes: Buffer): string {
  const hex = Buffer.concat([Buffer.from(bytes.subarray(0, 8)).reverse(), Buffer.from(bytes.subarray(8, 16)).reverse()]).toString('hex');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** Milliseconds since the epoch; the number itself where there is no such date. */
function timeText(time_ms: number): string {
  const time = new Date(time_ms);
  return Number.isNaN(time.getTime()) ? String(time_ms) : time.toISOString();
}

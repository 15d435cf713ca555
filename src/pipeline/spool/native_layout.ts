/**
 * Where everything lies in a Native block, so that it can be cut in two between any two rows.
 *
 * Found by one walk that looks at the lengths of texts and at nothing else of a row.
 */

import { NativeWalker, shapeOf } from './native_walker.ts';
import type { Pacer } from './pacer.ts';
import type { WindowReader } from './window_reader.ts';

/** A column whose rows lie one behind the other: rows before the cut in [data, cut), the others in [cut, end). Offsets in bytes from the block's start. */
export interface PlainLayout {
  readonly kind: 'plain';
  readonly name: string;
  readonly type: string;
  /** What stands between the type and the first row, repeated in every block. */
  readonly state_bytes: number;
  readonly data_offset: number;
  readonly cut_offset: number;
  readonly end_offset: number;
}

export interface DictionaryLayout {
  readonly kind: 'dictionary';
  readonly name: string;
  readonly type: string;
  readonly entries: number;
  readonly entries_offset: number;
  readonly indexes_offset: number;
  readonly index_width_bytes: number;
}

export type ColumnLayout = PlainLayout | DictionaryLayout;

export interface BlockLayout {
  readonly rows: number;
  readonly columns: readonly ColumnLayout[];
}

/** @param cut_row rows before it are the first part's */
export async function readBlockLayout(reader: WindowReader, cut_row: number, pacer: Pacer): Promise<BlockLayout> {
  const walker = new NativeWalker(reader, pacer);
  const column_count = await walker.varuint();
  const rows = await walker.varuint();
  const columns: ColumnLayout[] = [];
  while (columns.length < column_count) columns.push(await readColumnLayout(walker, cut_row, rows));
  return { rows, columns };
}

async function readColumnLayout(walker: NativeWalker, cut_row: number, rows: number): Promise<ColumnLayout> {
  const name = await walker.text();
  const type = await walker.text();
  const { shape } = shapeOf(type);
  if (shape.kind === 'dictionary') return { kind: 'dictionary', name, type, ...(await readDictionaryLayout(walker, rows)) };
  const state_bytes = shape.kind === 'texts' ? shape.state_bytes : 0;
  walker.at += state_bytes;
  const data_offset = walker.at;
  if (shape.kind === 'texts') await walker.skipTexts(cut_row);
  else walker.at += cut_row * shape.width_bytes;
  const cut_offset = walker.at;
  if (shape.kind === 'texts') await walker.skipTexts(rows - cut_row);
  else walker.at += (rows - cut_row) * shape.width_bytes;
  return { kind: 'plain', name, type, state_bytes, data_offset, cut_offset, end_offset: walker.at };
}

/** From a LowCardinality column's state prefix to the end of its indexes; `column_parts.ts` writes what is read here. */
async function readDictionaryLayout(walker: NativeWalker, rows: number) {
  await walker.uint64();
  const index_width_bytes = 2 ** ((await walker.uint64()) & 0xff);
  const entries = await walker.uint64();
  const entries_offset = walker.at;
  await walker.skipTexts(entries);
  await walker.uint64();
  const indexes_offset = walker.at;
  walker.at += rows * index_width_bytes;
  return { entries, entries_offset, indexes_offset, index_width_bytes };
}

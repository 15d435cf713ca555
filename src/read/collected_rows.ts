/** Rows of a subquery as one value, so that one statement can answer several questions over the same state of the table. */
import type { Row } from '../contract/query.ts';

/** SQL, to stand in a FROM: one row with one column, the rows of `statement` with these columns. */
export function collected(statement: string, columns: readonly string[], name: string): string {
  return `(SELECT groupArray(tuple(${columns.join(', ')})) AS ${name} FROM (${statement})) AS ${name}_rows`;
}

/** @param value of `collected` */
export function readCollected(value: unknown, columns: readonly string[]): Row[] {
  return listOf(value).map((row) => {
    const cells = listOf(row);
    return Object.fromEntries(columns.map((column, position) => [column, cells[position]]));
  });
}

/** What is no list is an empty one. */
export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

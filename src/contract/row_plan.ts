/**
 * How an event becomes a row, said as data: what the kernel needs beside a source's schema to go from bytes to columns. A source
 * that has a plan says the same in its decoder, which handles the events that are not of the common shape; a differential test
 * holds the two together.
 */

/** What one column gets of each event. */
export type ColumnValue =
  | { readonly of: 'organization_id' | 'project_id' | 'environment' | 'received_at' | 'nothing' }
  /** A hash of the event's bytes; or where the field of the name has a text that is not empty, of the texts of the fields in `scope`, and of that. */
  | { readonly of: 'identity'; readonly name: string; readonly scope: readonly string[] }
  /** The text of a field; empty where it is absent or null. */
  | { readonly of: 'field'; readonly field: string }
  /** The object in a field, as it is or as the text of a string; `{}` where it is absent or null. */
  | { readonly of: 'json'; readonly field: string };

export interface RowPlan {
  readonly table: string;
  /** The member of the body that is the array of events. */
  readonly batch: string;
  /** Of each column of the table. */
  readonly columns: Readonly<Record<string, ColumnValue>>;
}

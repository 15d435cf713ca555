/**
 * How an event becomes a row, said as data: what the kernel needs beside a source's schema to go from bytes to columns. A source
 * that has a plan says the same in its decoder, which handles the events that are not of the common shape; a differential test
 * holds the two together.
 */

/** What one column gets of each event. */
export type ColumnValue =
  | { readonly of: 'organization_id' | 'project_id' | 'environment' | 'identity' | 'received_at' | 'nothing' }
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
  /** An event that has one of these is left to the decoder. */
  readonly decoder_fields: readonly string[];
}

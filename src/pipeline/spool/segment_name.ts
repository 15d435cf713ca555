/**
 * Names of the spool's files: `<sequence, 12 digits>-<table>-<yyyymm>-<id>.open` while rows are appended, `.sealed` once they are one Native block.
 * A name is enough to know whose segment a file is, and sorting names sorts by age. What ends in `.partial` was never finished.
 */

export interface SegmentName {
  readonly id: string;
  readonly table: string;
  readonly month: number;
  readonly sequence: number;
}

export type SegmentFileKind = 'open' | 'sealed';

export const PARTIAL_SUFFIX = '.partial';

const PATTERN =
  /^(?<sequence>\d{12})-(?<table>[a-z][a-z0-9_]*)-(?<month>\d{6})-(?<id>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.(?<kind>open|sealed)$/;

export function segmentFileName(segment: SegmentName, kind: SegmentFileKind): string {
  return `${String(segment.sequence).padStart(12, '0')}-${segment.table}-${segment.month}-${segment.id}.${kind}`;
}

/** Reads a file's name; undefined for a name that is not the spool's. */
export function parseSegmentFileName(name: string): { segment: SegmentName; kind: SegmentFileKind } | undefined {
  const groups = PATTERN.exec(name)?.groups;
  if (groups === undefined) return undefined;
  const { sequence, table, month, id, kind } = groups;
  if (sequence === undefined || table === undefined || month === undefined || id === undefined) return undefined;
  return { segment: { id, table, month: Number(month), sequence: Number(sequence) }, kind: kind === 'open' ? 'open' : 'sealed' };
}

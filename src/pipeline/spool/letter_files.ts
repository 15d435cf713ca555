/**
 * Dead letters on the disk, under `<data_dir>/dead_letter/`: what the daemon and the command line agree on.
 * ```
 * <segment's file name>.sealed          the segment as it was sent, tokens and all; so a replay is the same segment
 * <segment's file name>.json            `LetterDescription`; stays until the segment is delivered
 * replay/<segment's file name>.sealed   marked for replay by the command line; a running daemon takes it within two seconds
 * ```
 * So a description says by the place of its segment what became of it: beside it, rejected; under `replay/`, waiting for a daemon; nowhere here, in the
 * queue. A description that is gone was delivered. Marking is one rename, which only one of many can do.
 */
import { isRecord, parseJson } from '../../base/json.ts';
import type { Rejection } from '../../contract/segment.ts';

export const LETTER_DIRECTORY = 'dead_letter';
export const REPLAY_DIRECTORY = `${LETTER_DIRECTORY}/replay`;
export const SEALED_SUFFIX = '.sealed';
export const DESCRIPTION_SUFFIX = '.json';

/** What is known of a rejected row. */
export interface LetterDescription {
  /** The segment's id, which is the letter's. */
  readonly segment: string;
  readonly table: string;
  readonly source: string;
  readonly reason: Rejection;
  /** ISO 8601. */
  readonly rejected_at: string;
  readonly received_at: string;
  /** Present where the row was cut out of a larger segment. */
  readonly cut_from?: { readonly segment: string; readonly row: number };
  /** The row's columns as they were to be stored. */
  readonly content: Readonly<Record<string, string>>;
}

export function formatDescription(description: LetterDescription): string {
  return `${JSON.stringify(description, undefined, 2)}\n`;
}

/** Undefined for what is no description. */
export function parseDescription(text: string): LetterDescription | undefined {
  const value = parseJson(text);
  return isDescription(value) ? value : undefined;
}

function isDescription(value: unknown): value is LetterDescription {
  if (!isRecord(value) || !isRecord(value['reason']) || !isRecord(value['content'])) return false;
  const texts = [value['segment'], value['table'], value['source'], value['rejected_at'], value['received_at']];
  const more = [value['reason']['code'], value['reason']['message'], ...Object.values(value['content'])];
  return [...texts, ...more].every((text) => typeof text === 'string');
}

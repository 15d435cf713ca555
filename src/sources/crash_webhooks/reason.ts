/** Why a webhook is not as documented, in words for the column `reason`, the log and the live page: which field, and which rule. */
import type { BrokenRule } from '../../contract/source.ts';

const CHARACTERS_MAX = 500;

/** A JSON pointer as people write paths: `/payload/issue/recordings/0/key` is `payload.issue.recordings[0].key`. */
function readablePath(pointer: string): string {
  const segments = pointer.split('/').slice(1);
  const names = segments.map((segment) => segment.replaceAll('~1', '/').replaceAll('~0', '~'));
  return names.map((name, index) => (/^[0-9]+$/.test(name) ? `[${name}]` : `${index === 0 ? '' : '.'}${name}`)).join('');
}

/** A name can be as long as its sender likes; a reason cannot. */
export function bounded(text: string): string {
  return text.length <= CHARACTERS_MAX ? text : `${text.slice(0, CHARACTERS_MAX).toWellFormed()}…`;
}

/** `payload.issue.key is missing`, `payload.issue.severity must be one of …`, and the rule of the schema that says so. */
export function describeRule({ keyword, path, missing, message }: BrokenRule): string {
  if (missing !== '') return bounded(`${readablePath(`${path}/${missing}`)} is missing (${keyword})`);
  return `${bounded(readablePath(path))} ${message} (${keyword})`;
}

/** Why devices rolled a release back; exact. */
import type { Row } from '../contract/query.ts';
import { gatheredOnce } from './release_events.ts';
import { EVENT_KINDS, readNumber } from './release_figures.ts';
import { LABEL_CHARACTERS_MAX, type ReleaseScope } from './release_scope.ts';

const REASONS_MAX = 20;

export interface RollbackReason {
  readonly reason: string;
  readonly count: number;
}

/** Rollbacks are few, so that all are gathered. Why devices rolled back, the most frequent first; `unknown` where the metadata has no reason. */
export function reasonsStatement(scope: ReleaseScope): string {
  const columns = { reason: "ifNull(toString(metadata.reason), '')" };
  return `SELECT leftUTF8(if(each.reason = '', 'unknown', each.reason), ${LABEL_CHARACTERS_MAX}) AS shown, count() AS events
FROM (${gatheredOnce(scope, columns, ` AND event_type = '${EVENT_KINDS.rollbacks.type}'`)}) AS each GROUP BY shown ORDER BY events DESC, shown LIMIT ${REASONS_MAX}`;
}

export function readReasons(rows: readonly Row[]): RollbackReason[] {
  return rows.map((row) => ({ reason: String(row['shown']), count: readNumber(row, 'events') }));
}

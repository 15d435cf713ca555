/**
 * The two kinds of event that a pipeline posts, as data: fields in the order in which clients read them, status words and what
 * they mean. Schema, table and answer are all made of this.
 */

/** What a status word comes down to. */
export type Status = 'pending' | 'started' | 'completed' | 'failed' | 'aborted';

/** Every field that holds a text. */
export type TextField =
  | 'product_name'
  | 'version'
  | 'environment_name'
  | 'status'
  | 'deployed_by'
  | 'built_by'
  | (typeof PIPELINE_FIELDS)[number];

/** The field that holds an object. */
export const METADATA_FIELD = 'extra_metadata';

export interface EventKind {
  readonly name: 'deployment' | 'build';
  readonly table: string;
  /** The time of receipt, in the table and in the answer. */
  readonly time_field: 'deployed_at' | 'created_at';
  readonly required: readonly TextField[];
  readonly optional: readonly TextField[];
  /** Of each word that a client may send, exactly as written. */
  readonly statuses: ReadonlyMap<string, Status>;
}

/** Optional in both kinds. */
const PIPELINE_FIELDS = ['scm_branch', 'scm_sha', 'scm_repository', 'build_url', 'build_number', 'source_system', 'invoke_id'] as const;

export const DEPLOYMENT: EventKind = {
  name: 'deployment',
  table: 'deployment_events',
  time_field: 'deployed_at',
  required: ['product_name', 'version', 'environment_name', 'status'],
  optional: ['deployed_by', ...PIPELINE_FIELDS],
  statuses: statusWords({
    pending: ['pending', 'queued', 'scheduled'],
    started: ['started', 'in_progress', 'deploying'],
    completed: ['success', 'completed', 'deployed'],
    failed: ['failed', 'failure', 'error'],
    aborted: ['aborted', 'cancelled', 'skipped'],
  }),
};

export const BUILD: EventKind = {
  name: 'build',
  table: 'build_events',
  time_field: 'created_at',
  required: ['product_name', 'version', 'status'],
  optional: ['built_by', ...PIPELINE_FIELDS],
  statuses: statusWords({
    pending: [],
    started: ['started', 'in_progress', 'building'],
    completed: ['success', 'completed', 'built'],
    failed: ['failed', 'failure', 'error'],
    aborted: ['aborted', 'cancelled', 'skipped'],
  }),
};

function statusWords(words: Readonly<Record<Status, readonly string[]>>): ReadonlyMap<string, Status> {
  const statuses: readonly Status[] = ['pending', 'started', 'completed', 'failed', 'aborted'];
  return new Map(statuses.flatMap((status) => words[status].map((word): [string, Status] => [word, status])));
}

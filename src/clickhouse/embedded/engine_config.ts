/**
 * The engine's own configuration: the second fence around queries from the network, and durable parts.
 *
 * chDB reads `config.xml` from its working directory when nobody names another file; naming ours keeps a stranger's out.
 */
import type { ChildOptions } from './messages.ts';

/** No source privilege (FILE, URL, S3, REMOTE, …), no users, no dictionaries, no functions, no BACKUP, no SYSTEM SHUTDOWN. */
const GRANTS = [
  'GRANT SHOW, SELECT, INSERT, ALTER, CREATE DATABASE, CREATE TABLE, CREATE VIEW, DROP DATABASE, DROP TABLE, DROP VIEW, UNDROP TABLE, ' +
    'TRUNCATE, OPTIMIZE, CHECK, KILL QUERY, SYSTEM FLUSH, SYSTEM MERGES, SYSTEM TTL MERGES, dictGet ON *.*',
  // Table functions that make rows out of nothing (numbers, generateRandom, values) ask for it.
  'GRANT CREATE TEMPORARY TABLE ON *.*',
  ...[
    'MergeTree',
    'ReplacingMergeTree',
    'SummingMergeTree',
    'AggregatingMergeTree',
    'CollapsingMergeTree',
    'VersionedCollapsingMergeTree',
    'CoalescingMergeTree',
    'Memory',
    'Null',
    'Log',
    'TinyLog',
    'StripeLog',
    'View',
    'MaterializedView',
    'Join',
    'Set',
    'Buffer',
    'Merge',
    'Atomic',
  ].map((engine) => `GRANT TABLE ENGINE ON ${engine}`),
];

/** Bytes of SQL that one query may have; the data of an INSERT are not counted. */
export const QUERY_BYTES_MAX = 1 << 20;
/** An answer is held in memory before it is sent. */
export const RESULT_BYTES_MAX = 1 << 29;

/** `users.xml`: what the engine's one user may do, and the settings that every query starts from. */
export function usersXml(): string {
  const profile = {
    // One INSERT is one part, on disk before it is answered. 26.x would gather INSERTs in memory first.
    async_insert: 0,
    max_query_size: 2 * QUERY_BYTES_MAX,
    max_result_bytes: RESULT_BYTES_MAX,
    log_queries: 0,
  };
  const settings = Object.entries(profile).map(([name, value]) => `<${name}>${value}</${name}>`);
  const grants = GRANTS.map((grant) => `<query>${grant}</query>`);
  return `<clickhouse>
<profiles><default>${settings.join('')}</default></profiles>
<users><default><password></password><networks><ip>127.0.0.1</ip><ip>::1</ip></networks><profile>default</profile><quota>default</quota>
<grants>${grants.join('\n')}</grants></default></users>
<quotas><default></default></quotas>
</clickhouse>
`;
}

/**
 * Parts are merged when together they are so many times as large as the largest of them. ClickHouse's own 5 merges each row once more often, for a
 * few parts less; from ten parts on, and with their age, it lowers what it is told by itself.
 */
const MERGE_SELECTOR_BASE = 8;

/** Uncompressed. A second's events at 300,000 a second are 80 MB. */
const WIDE_PART_BYTES_MIN = 128 << 20;

/**
 * `engine.xml`. Every MergeTree table has its parts and their directory entries fsynced before an INSERT is answered, also
 * one whose DDL does not say so, and refuses an INSERT when the disk is nearly full: merges go on, and free some.
 *
 * What one INSERT brings is a compact part, which merges make wide: 35 files to sync instead of 197, each of which the spool's own syncs wait for.
 */
export function engineXml(options: Pick<ChildOptions, 'memory_bytes_max' | 'free_bytes_min'>, users_file: string): string {
  const memory =
    options.memory_bytes_max > 0
      ? `<max_server_memory_usage>${options.memory_bytes_max}</max_server_memory_usage>`
      : '<max_server_memory_usage_to_ram_ratio>0.5</max_server_memory_usage_to_ram_ratio>';
  return `<clickhouse>
<users_config>${escapeXml(users_file)}</users_config>
<access_control_improvements><table_engines_require_grant>true</table_engines_require_grant></access_control_improvements>
<merge_tree><fsync_after_insert>1</fsync_after_insert><fsync_part_directory>1</fsync_part_directory>
<merge_selector_base>${MERGE_SELECTOR_BASE}</merge_selector_base>
<min_bytes_for_wide_part>${WIDE_PART_BYTES_MIN}</min_bytes_for_wide_part>
<min_free_disk_bytes_to_perform_insert>${options.free_bytes_min}</min_free_disk_bytes_to_perform_insert></merge_tree>
<mark_cache_size>134217728</mark_cache_size>
<uncompressed_cache_size>0</uncompressed_cache_size>
${memory}
</clickhouse>
`;
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

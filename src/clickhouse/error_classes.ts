/**
 * What to do about each of ClickHouse's errors: one table, one reason per line.
 *
 * Codes are those of ClickHouse's ErrorCodes (names as `errorCodeToName(code)` of release 26.7 gives them). `in_doubt` is
 * false only where the server refused the statement before it could write: whatever comes out of a running INSERT may come
 * after its part was committed (by a view behind the table, by a check at the end, by a quorum that did not answer), and
 * asking costs one indexed count. A code that is not here is retried, in doubt: waiting loses nothing, guessing might.
 */
import type { FailureAction } from '../contract/sink.ts';

export interface ErrorClass {
  readonly action: FailureAction;
  /** True when the rows may be in the table all the same. */
  readonly in_doubt: boolean;
  /** Why this action: for the reader of the table and of a log line. */
  readonly reason: string;
}

type Line = readonly [code: number, name: string, reason: string];

/** The server had a bad moment while the INSERT ran: slow down and try again. */
const RETRY_IN_DOUBT: readonly Line[] = [
  [3, 'UNEXPECTED_END_OF_FILE', 'the body was cut on its way; our file was checked before it was sent'],
  [49, 'LOGICAL_ERROR', 'a fault of the server itself; it may have met it after the commit'],
  [74, 'CANNOT_READ_FROM_FILE_DESCRIPTOR', "the server's disk failed to read"],
  [75, 'CANNOT_WRITE_TO_FILE_DESCRIPTOR', "the server's disk failed to write, perhaps at the part's rename"],
  [76, 'CANNOT_OPEN_FILE', 'the server is out of file descriptors or its disk failed'],
  [95, 'CANNOT_READ_FROM_SOCKET', 'the server lost one of its own connections'],
  [96, 'CANNOT_WRITE_TO_SOCKET', 'the server lost one of its own connections'],
  [159, 'TIMEOUT_EXCEEDED', 'the statement ran into its time limit, perhaps after its commit'],
  [160, 'TOO_SLOW', 'the server judged the statement too slow while it ran'],
  [173, 'CANNOT_ALLOCATE_MEMORY', 'the machine is out of memory for the moment'],
  [198, 'DNS_ERROR', 'the server could not resolve a name it needs'],
  [203, 'NO_FREE_CONNECTION', "the server's own connection pool is used up"],
  [204, 'CANNOT_FSYNC', 'the server could not make the part durable'],
  [209, 'SOCKET_TIMEOUT', 'a connection of the server was silent for too long'],
  [210, 'NETWORK_ERROR', 'a connection of the server broke'],
  [225, 'NO_ZOOKEEPER', 'the Keeper cannot be reached; the replica may have committed before it lost it'],
  [236, 'ABORTED', 'the server is shutting down'],
  [242, 'TABLE_IS_READ_ONLY', 'a replica lost its Keeper session; it comes back by itself'],
  [244, 'UNEXPECTED_ZOOKEEPER_ERROR', 'the Keeper answered badly, perhaps after the commit'],
  [252, 'TOO_MANY_PARTS', "merges are behind, here or in a view's table; slower is what helps"],
  [254, 'NO_ACTIVE_REPLICAS', 'no replica could take its copy yet'],
  [279, 'ALL_CONNECTION_TRIES_FAILED', 'the server reached none of its peers'],
  [285, 'TOO_FEW_LIVE_REPLICAS', 'not enough replicas are alive for the quorum'],
  [286, 'UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE', 'an earlier INSERT still waits for its quorum'],
  [289, 'REPLICA_IS_NOT_IN_QUORUM', 'this replica has not caught up yet'],
  [319, 'UNKNOWN_STATUS_OF_INSERT', 'the part is committed here, its quorum is not known'],
  [364, 'RECEIVED_ERROR_TOO_MANY_REQUESTS', 'the object storage asked the server to slow down'],
  [384, 'PART_IS_TEMPORARILY_LOCKED', 'another operation holds the part for a moment'],
  [394, 'QUERY_WAS_CANCELLED', 'an operator or a shutdown cancelled the statement'],
  [425, 'SYSTEM_ERROR', "the server's operating system failed it"],
  [473, 'DEADLOCK_AVOIDED', 'a lock on the table was not free in time'],
  [499, 'S3_ERROR', "the server's object storage failed it"],
  [574, 'DISTRIBUTED_TOO_MANY_PENDING_BYTES', 'a Distributed table has too much of its own to send'],
  [692, 'TOO_MANY_MUTATIONS', 'mutations are behind; they catch up by themselves'],
  [734, 'CANNOT_WRITE_AFTER_BUFFER_CANCELED', 'the statement was cancelled while it wrote'],
  [735, 'QUERY_WAS_CANCELLED_BY_CLIENT', 'the server saw our connection close'],
  [999, 'KEEPER_EXCEPTION', 'the Keeper failed, perhaps after the commit'],
  [1000, 'POCO_EXCEPTION', 'an error of the network or the system inside the server'],
  [1001, 'STD_EXCEPTION', 'an error of the system inside the server'],
  [1002, 'UNKNOWN_EXCEPTION', 'the server itself does not know'],
];

/** The server would not even begin: try again, nothing is in doubt. */
const RETRY_CERTAIN: readonly Line[] = [
  [201, 'QUOTA_EXCEEDED', "the user's quota is used up for this interval"],
  [202, 'TOO_MANY_SIMULTANEOUS_QUERIES', 'the server runs as many statements as it may'],
  [216, 'QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING', 'an id was repeated by a proxy; the next try has another'],
  [745, 'SERVER_OVERLOADED', 'the server sheds load before it begins'],
  [749, 'TCP_CONNECTION_LIMIT_REACHED', 'the server has as many connections as it may'],
  [762, 'HTTP_CONNECTION_LIMIT_REACHED', 'the server has as many connections as it may'],
];

/** Somebody must act first: every INSERT of the table fails until then. */
const PAUSE_CERTAIN: readonly Line[] = [
  [16, 'NO_SUCH_COLUMN_IN_TABLE', 'the table lacks a column: its migration did not run, or somebody dropped it'],
  [60, 'UNKNOWN_TABLE', 'the table is not there'],
  [81, 'UNKNOWN_DATABASE', 'the database is not there'],
  [115, 'UNKNOWN_SETTING', 'the server is too old for a setting that exactness needs'],
  [164, 'READONLY', 'the user may only read'],
  [180, 'THERE_IS_NO_PROFILE', "the user's settings profile is missing"],
  [192, 'UNKNOWN_USER', 'the user does not exist'],
  [193, 'WRONG_PASSWORD', 'the password is wrong'],
  [194, 'REQUIRED_PASSWORD', 'the password is missing'],
  [195, 'IP_ADDRESS_NOT_ALLOWED', 'the user may not come from this address'],
  [218, 'TABLE_IS_DROPPED', 'the table is being dropped'],
  [291, 'DATABASE_ACCESS_DENIED', 'the user may not use the database'],
  [344, 'SUPPORT_IS_DISABLED', 'the server was built or configured without something the statement needs'],
  [452, 'SETTING_CONSTRAINT_VIOLATION', "the user's profile forbids a setting that exactness needs"],
  [472, 'READONLY_SETTING', "the user's profile forbids a setting that exactness needs"],
  [497, 'ACCESS_DENIED', 'the user lacks a grant'],
  [516, 'AUTHENTICATION_FAILED', 'the user or the password is wrong'],
  [720, 'USER_EXPIRED', "the user's credentials have run out"],
];

/** Somebody must act first, and the statement may have written before it failed. */
const PAUSE_IN_DOUBT: readonly Line[] = [
  [10, 'NOT_FOUND_COLUMN_IN_BLOCK', 'a view behind the table, or the table itself, wants a column that is not sent'],
  [20, 'NUMBER_OF_COLUMNS_DOESNT_MATCH', 'a view behind the table no longer fits its target'],
  [43, 'ILLEGAL_TYPE_OF_ARGUMENT', 'a view behind the table no longer fits its columns'],
  [44, 'ILLEGAL_COLUMN', 'a column of the table is not what its migrations made it'],
  [46, 'UNKNOWN_FUNCTION', 'a view behind the table calls a function that is gone'],
  [47, 'UNKNOWN_IDENTIFIER', 'a view behind the table names a column that is gone'],
  [48, 'NOT_IMPLEMENTED', 'the table has an engine that cannot do what is asked'],
  [50, 'UNKNOWN_TYPE', 'the server is too old for a type that every block carries'],
  [62, 'SYNTAX_ERROR', 'the server is too old for the statement, or a type that every block carries'],
  [243, 'NOT_ENOUGH_SPACE', "the server's disk has less free space than it must keep, until retention or people free some"],
  [415, 'ALL_REPLICAS_LOST', 'the table has no replica that still holds its data'],
  [774, 'TABLE_IS_PERMANENTLY_READ_ONLY', 'the replica will not become writable by itself'],
];

/**
 * The block is more than the server can hold at once, now or ever: tried more and more slowly, then cut in two. One row is never given up for it: memory comes
 * back, and a limit was set by somebody.
 */
const SHRINK_IN_DOUBT: readonly Line[] = [
  [158, 'TOO_MANY_ROWS', "the block has more rows than the user's limit"],
  [241, 'MEMORY_LIMIT_EXCEEDED', 'the block does not fit into the memory that is free, for the moment or for good'],
  [307, 'TOO_MANY_BYTES', "the block has more bytes than the user's limit"],
  [396, 'TOO_MANY_ROWS_OR_BYTES', "the block is larger than the user's limit"],
];

/** A value can never go in: the block as it is never will. Searched for the rows, which are set aside one by one. */
const DEAD_LETTER_IN_DOUBT: readonly Line[] = [
  [6, 'CANNOT_PARSE_TEXT', "a value is no text of its column's type"],
  [9, 'SIZES_OF_COLUMNS_DOESNT_MATCH', 'the columns of the block differ in length'],
  [25, 'CANNOT_PARSE_ESCAPE_SEQUENCE', 'a value has a broken escape'],
  [26, 'CANNOT_PARSE_QUOTED_STRING', 'a value has a broken quotation'],
  [27, 'CANNOT_PARSE_INPUT_ASSERTION_FAILED', 'a value is not of the form that its type wants'],
  [33, 'CANNOT_READ_ALL_DATA', 'the block is shorter than it says'],
  [38, 'CANNOT_PARSE_DATE', 'a value is no date'],
  [41, 'CANNOT_PARSE_DATETIME', 'a value is no time'],
  [53, 'TYPE_MISMATCH', 'a value is of another type than its column'],
  [69, 'ARGUMENT_OUT_OF_BOUND', 'a value is outside its type'],
  [70, 'CANNOT_CONVERT_TYPE', "a value cannot become its column's type"],
  [72, 'CANNOT_PARSE_NUMBER', 'a value is no number'],
  [117, 'INCORRECT_DATA', 'a JSON document, or the block itself, is malformed'],
  [128, 'TOO_LARGE_ARRAY_SIZE', 'a value says it has more elements than any may have'],
  [130, 'CANNOT_READ_ARRAY_FROM_TEXT', 'a value is no array'],
  [131, 'TOO_LARGE_STRING_SIZE', 'a value is longer than any may be, however few rows come with it'],
  [153, 'ILLEGAL_DIVISION', 'a view behind the table, or a default, divides by a value of the row that is zero'],
  [190, 'SIZES_OF_ARRAYS_DONT_MATCH', 'arrays that belong together differ in length'],
  [321, 'VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE', 'a value is outside its type'],
  [349, 'CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN', 'a value is missing where there must be one'],
  [376, 'CANNOT_PARSE_UUID', 'a value is no UUID'],
  [395, 'FUNCTION_THROW_IF_VALUE_IS_NON_ZERO', 'a view behind the table throws at a value of the row, as somebody told it to'],
  [407, 'DECIMAL_OVERFLOW', 'a value is outside its type'],
  [441, 'CANNOT_PARSE_DOMAIN_VALUE_FROM_STRING', 'a value is no text of its domain type'],
  [467, 'CANNOT_PARSE_BOOL', 'a value is no truth value'],
  [469, 'VIOLATED_CONSTRAINT', 'a row breaks a constraint that somebody set on the table'],
  [632, 'UNEXPECTED_DATA_AFTER_PARSED_VALUE', 'a value goes on after its end'],
  [691, 'UNKNOWN_ELEMENT_OF_ENUM', 'a value is none of those its type names'],
];

const GROUPS: readonly [FailureAction, in_doubt: boolean, readonly Line[]][] = [
  ['retry', true, RETRY_IN_DOUBT],
  ['retry', false, RETRY_CERTAIN],
  ['pause', false, PAUSE_CERTAIN],
  ['pause', true, PAUSE_IN_DOUBT],
  ['shrink', true, SHRINK_IN_DOUBT],
  ['dead_letter', true, DEAD_LETTER_IN_DOUBT],
];

/** Every code that has a line of its own, with ClickHouse's name for it. */
export const ERROR_CLASSES: readonly (ErrorClass & { readonly code: number; readonly name: string })[] = GROUPS.flatMap(
  ([action, in_doubt, lines]) => lines.map(([code, name, reason]) => ({ code, name, action, in_doubt, reason })),
);

const BY_CODE = new Map(ERROR_CLASSES.map((line) => [line.code, line]));

const UNKNOWN_CODE: ErrorClass = { action: 'retry', in_doubt: true, reason: 'no line of the table names this code' };

/** `max_partitions_per_insert_block = 1` refuses with the code of "too many parts", but waiting does not help. */
const SECOND_PARTITION: ErrorClass = {
  action: 'pause',
  in_doubt: true,
  reason: 'the table is partitioned finer than by month of receipt: one INSERT would no longer be one part',
};

/**
 * The class of an answer that carries ClickHouse's own code.
 *
 * @param code ClickHouse's error code
 * @param message the server's text; it only tells the two meanings of code 252 apart
 */
export function classifyServerError(code: number, message: string): ErrorClass {
  if (code === 252 && message.includes('Too many partitions for single INSERT block')) return SECOND_PARTITION;
  return BY_CODE.get(code) ?? UNKNOWN_CODE;
}

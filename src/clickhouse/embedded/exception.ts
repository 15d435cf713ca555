/**
 * ClickHouse's exceptions as its HTTP interface shows them: a numeric code, a text of the form
 * `Code: 60. DB::Exception: … (UNKNOWN_TABLE) (version 26.7.2.1)`, and the HTTP status that the server gives to the code.
 *
 * Source of the statuses: `exceptionCodeToHTTPStatus` in ClickHouse's `src/Server/HTTP/exceptionCodeToHTTPStatus.cpp`.
 */

/** The codes that this side raises itself, with ClickHouse's own numbers and names. */
export const EXCEPTION_CODES = {
  BAD_ARGUMENTS: 36,
  NOT_IMPLEMENTED: 48,
  SYNTAX_ERROR: 62,
  ABORTED: 236,
  READONLY: 164,
  TOO_MANY_SIMULTANEOUS_QUERIES: 202,
  CANNOT_DECOMPRESS: 271,
  CANNOT_READ_ALL_DATA: 33,
  UNKNOWN_QUERY_PARAMETER: 456,
  ACCESS_DENIED: 497,
  AUTHENTICATION_FAILED: 516,
  TOO_LARGE_SIZE_COMPRESSED: 131,
  STD_EXCEPTION: 1001,
} as const;

export type ExceptionName = keyof typeof EXCEPTION_CODES;

const STATUS_400 = [
  6, 15, 25, 26, 27, 33, 36, 38, 41, 44, 53, 62, 72, 100, 117, 167, 168, 223, 271, 321, 376, 427, 441, 456, 457, 675, 676,
];
const STATUS_403 = [192, 193, 497, 512, 516];
const STATUS_404 = [46, 47, 50, 56, 60, 63, 73, 78, 81, 84, 115, 139, 336];
const STATUS_BY_CODE: ReadonlyMap<number, number> = new Map<number, number>([
  ...STATUS_400.map((code): [number, number] => [code, 400]),
  ...STATUS_403.map((code): [number, number] => [code, 403]),
  ...STATUS_404.map((code): [number, number] => [code, 404]),
  [EXCEPTION_CODES.NOT_IMPLEMENTED, 501],
  [EXCEPTION_CODES.TOO_LARGE_SIZE_COMPRESSED, 413],
  [EXCEPTION_CODES.TOO_MANY_SIMULTANEOUS_QUERIES, 503],
  [159, 408],
  [194, 401],
]);

const PREFIX = /^(?:Code: (\d+)\. DB::Exception: )+/;

/** One exception, fit to be answered to the client as it stands. */
export class ClickHouseException extends Error {
  constructor(
    readonly code: number,
    message: string,
  ) {
    super(message);
    this.name = 'ClickHouseException';
  }

  get status(): number {
    return STATUS_BY_CODE.get(this.code) ?? 500;
  }

  /** The text of the answer's body; `version` is the engine's. */
  body(version: string): string {
    return `${this.message} (version ${version})\n`;
  }
}

/** An exception of our own, in the engine's form. */
export function exception(name: ExceptionName, message: string): ClickHouseException {
  const code = EXCEPTION_CODES[name];
  return new ClickHouseException(code, `Code: ${code}. DB::Exception: ${message} (${name})`);
}

/**
 * What the engine threw, as an exception. A nested one arrives with its frame twice
 * (`Code: 115. DB::Exception: Code: 115. DB::Exception: … (NAME) (version …). (NAME)`); it is told once.
 */
export function fromEngine(error: unknown): ClickHouseException {
  if (error instanceof ClickHouseException) return error;
  const text = error instanceof Error ? error.message : String(error);
  const prefix = PREFIX.exec(text);
  if (prefix === null) return exception('STD_EXCEPTION', text);
  const body = text.slice(prefix[0].length).replace(/( \([A-Z_0-9]+\))(?: \(version [^)]*\)\. \([A-Z_0-9]+\))+$/, '$1');
  return new ClickHouseException(Number(prefix[1]), `Code: ${prefix[1]}. DB::Exception: ${body}`);
}

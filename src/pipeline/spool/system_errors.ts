/** Reading the operating system's errors: their code, what they say of the disk, and how they are told to a person. */
import { OperatingError } from '../../contract/errors.ts';

const DISK_FULL_CODES = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);
const TRANSIENT_CODES = new Set(['EINTR', 'EAGAIN']);
const DESCRIPTORS_CODES = new Set(['EMFILE', 'ENFILE']);

/** The error's `code` such as `ENOSPC`, or `UNKNOWN` when it carries none. */
export function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'UNKNOWN';
}

/** The disk or the quota is used up: it heals by itself once somebody frees space. */
export function isDiskFull(error: unknown): boolean {
  return DISK_FULL_CODES.has(errorCode(error));
}

/** The call was interrupted before it did anything: simply do it again. */
export function isTransient(error: unknown): boolean {
  return TRANSIENT_CODES.has(errorCode(error));
}

/** The process has no descriptor left: says nothing about the disk. */
export function isOutOfDescriptors(error: unknown): boolean {
  return DESCRIPTORS_CODES.has(errorCode(error));
}

/** Whether what failed may be the matter of the one file that was worked on, and not of the disk, the process or another part of the program. */
export function mayBeTheFile(error: unknown): boolean {
  return !(error instanceof OperatingError) && !isDiskFull(error) && !isOutOfDescriptors(error);
}

/** What goes into an OperatingError's `reason`: short, without paths, fit for a client. */
export function reasonOf(error: unknown): string {
  if (isDiskFull(error)) return `the disk is full, ${errorCode(error)}`;
  if (isOutOfDescriptors(error)) return `too many open files, ${errorCode(error)}`;
  const code = errorCode(error);
  return code === 'UNKNOWN' && error instanceof Error ? error.message : code;
}

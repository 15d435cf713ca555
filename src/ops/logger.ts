/** The log: pino on standard output, one JSON object a line: an event's name, then fields. Keys and passwords never get here. */
import type { Writable } from 'node:stream';
import { type Logger, pino } from 'pino';

export type { Logger };

export type LogFields = Readonly<Record<string, unknown>>;

export function createLogger(output: Writable, level: string): Logger {
  return pino(
    {
      level,
      base: null,
      messageKey: 'event',
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: ['password', 'key', 'secret', 'token', 'authorization'],
    },
    output,
  );
}

/** The log: pino on standard output, one JSON object a line: an event's name, then fields. Keys and passwords never get here. */
import type { Writable } from 'node:stream';
import { type Logger, pino } from 'pino';

export type { Logger };

export type LogFields = Readonly<Record<string, unknown>>;

/** Hears of each line that is written, as it was given: its level as pino counts them, its event and its fields. */
export type LogListener = (level: number, event: string, fields: LogFields) => void;

export function createLogger(output: Writable, level: string, listener: LogListener = () => undefined): Logger {
  return pino(
    {
      level,
      base: null,
      messageKey: 'event',
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: ['password', 'key', 'secret', 'token', 'authorization'],
      hooks: {
        logMethod(parts, write, severity) {
          const [fields, event] = parts;
          if (typeof event === 'string') listener(severity, event, { ...Object(fields) });
          write.apply(this, parts);
        },
      },
    },
    output,
  );
}

/** `trace` as the command line knows it; the work is loaded when it is asked for. */
import { type Command, JSON_OPTION } from './command.ts';

export const TRACE_COMMAND: Command = {
  name: 'trace',
  summary: 'Say where an event is now: in the spool, in ClickHouse, a dead letter, or nowhere',
  description: [
    'EVENT_ID is the UUID in the column event_id. It reads the files of data_dir and asks ClickHouse, beside a running daemon or without one. Copies that',
    'a sender delivered again are all named; statistics count them once. Exit 0 when the event was found, 1 when it was not or when ClickHouse, which',
    'may have it, did not answer.',
  ].join('\n'),
  operands: ['EVENT_ID'],
  options: [JSON_OPTION],
  examples: ['trace 2c8e1f1e-8a52-5d6e-9d0b-0f3c4b2a1d00'],
  run: async (context) => (await import('./trace/trace.ts')).runTrace(context),
};

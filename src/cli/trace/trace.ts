/** `trace`: connects the search for one event with the data directory and ClickHouse, and prints what it found. */
import { randomUUID } from 'node:crypto';
import { EventCopies, type StoredCopy } from '../../clickhouse/event_copies.ts';
import type { Config } from '../../config/schema.ts';
import { OperatingError } from '../../contract/errors.ts';
import { EventFinder } from '../../pipeline/spool/event_finder.ts';
import { SegmentRecords } from '../../pipeline/spool/ledger/records.ts';
import { LetterDesk } from '../../pipeline/spool/letter_desk.ts';
import { NodeFs } from '../../pipeline/spool/node_fs.ts';
import { SOURCES } from '../../sources/list.ts';
import { withClickHouse } from '../clickhouse_client.ts';
import type { CommandContext } from '../command.ts';
import { type Place, type Trace, type TracedCopy, traceEvent } from './tracing.ts';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export async function runTrace(context: CommandContext): Promise<number> {
  const event_id = (context.operands[0] ?? '').toLowerCase();
  if (!UUID.test(event_id)) {
    const problem = `EVENT_ID must be a UUID, as the column event_id has it, not ${JSON.stringify(context.operands[0])}.`;
    throw new OperatingError('usage', { problem });
  }
  const { config } = await context.loadConfig();
  const fs = new NodeFs();
  const records = new SegmentRecords(fs, config.data_dir);
  const letters = new LetterDesk(fs, config.data_dir);
  const finder = new EventFinder(fs, config.data_dir);
  const trace = await traceEvent(event_id, {
    filed: (id) => finder.find(id),
    stored: (id) => findStored(config, id),
    entries: (from_ms) => records.entries(from_ms),
    describe: async (table, segment) => {
      const entry = (await letters.list()).find((letter) => letter.table === table && letter.id === segment);
      return entry === undefined ? undefined : await letters.describe(entry);
    },
  });
  context.stdout.write(context.options.flag('json') ? `${JSON.stringify(view(trace))}\n` : describe(trace));
  return trace.copies > 0 ? 0 : 1;
}

async function findStored(config: Config, event_id: string): Promise<readonly StoredCopy[] | string> {
  try {
    return await withClickHouse(config, async (client) => {
      const copies = new EventCopies({ client, random: { uuid: randomUUID } }, config.clickhouse.database);
      const found: StoredCopy[] = [];
      for (const table of SOURCES.flatMap(({ tables }) => tables)) found.push(...(await copies.find(table, event_id)));
      return found;
    });
  } catch (error) {
    const is_away = error instanceof OperatingError && (error.code === 'daemon_unreachable' || error.code === 'query_failed');
    if (is_away) return error.message;
    throw error;
  }
}

/** As scripts read it: times in ISO 8601, and nothing where nothing is known. */
function view({ places, ...trace }: Trace): Readonly<Record<string, unknown>> {
  return {
    ...trace,
    places: places.map(({ received_at_ms, sealed_at_ms, delivered_at_ms, is_sent, ...place }) => ({
      ...place,
      received_at: isoTime(received_at_ms),
      sealed_at: isoTime(sealed_at_ms),
      delivered_at: isoTime(delivered_at_ms),
      sent: is_sent,
    })),
  };
}

const WORDS: Readonly<Record<Place, string>> = {
  delivered: 'It is in ClickHouse.',
  sealed: 'It is in the spool, in a sealed segment, and waits for ClickHouse.',
  open: 'It is in the spool, in a segment that is being written.',
  replay: 'It is a dead letter that is marked for replay, and waits for a daemon.',
  dead_letter: 'It is a dead letter: ClickHouse rejected it. See dead-letter show.',
  quarantine: 'It is in a damaged file that was set aside.',
};

function describe({ event_id, state, copies, places, unreadable, clickhouse_problem }: Trace): string {
  const lines = [`Event ${event_id}`];
  if (state !== 'unknown') lines.push(WORDS[state]);
  else if (clickhouse_problem === undefined) lines.push('It is neither in this data directory nor in ClickHouse.');
  else lines.push('It is not in the files of this data directory.');
  for (const place of places) lines.push('', ...factsOf(place));
  if (copies > 1)
    lines.push('', `There are ${copies} copies, since it was delivered to Penstock more than once; statistics count it once.`);
  for (const file of unreadable) lines.push(`${file} is damaged and could not be looked through.`);
  if (clickhouse_problem !== undefined) {
    lines.push('', `Whether ClickHouse has it${copies > 0 ? ' too' : ''} cannot be known now: ${clickhouse_problem}`);
  }
  return `${lines.join('\n')}\n`;
}

function isInSpool({ place }: TracedCopy): boolean {
  return place === 'sealed' || place === 'open';
}

function factsOf(copy: TracedCopy): readonly string[] {
  const received = copy.place === 'delivered' ? 'received' : 'received, at the earliest';
  const facts: [string, string | undefined][] = [
    ['place', copy.place],
    ['table', copy.table],
    ['segment', copy.segment],
    ['copies', String(copy.copies)],
    [received, isoTime(copy.received_at_ms)],
    ['sealed', isoTime(copy.sealed_at_ms)],
    ['sent to ClickHouse', isInSpool(copy) ? (copy.is_sent === true ? 'yes, not confirmed' : 'not yet') : undefined],
    ['delivered', copy.place === 'delivered' ? (isoTime(copy.delivered_at_ms) ?? 'not by the books of this data directory') : undefined],
    ['rejected', copy.rejected_at],
    ['reason', copy.reason === undefined ? undefined : `${copy.reason.code}: ${copy.reason.message}`],
  ];
  const known = facts.filter(([, value]) => value !== undefined);
  const width = Math.max(...known.map(([name]) => name.length));
  return known.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`);
}

function isoTime(time_ms: number | undefined): string | undefined {
  return time_ms === undefined ? undefined : new Date(time_ms).toISOString();
}

/** Bodies as long as they are wanted, of events that all differ, made before anything is measured. */
import { gzipSync } from 'node:zlib';
import { EventStream } from '../../src/cli/load/event_stream.ts';
import { EVENT_BYTES_MAX } from '../../src/cli/load/event_template.ts';
import { createFleet } from '../../src/cli/load/fleet.ts';
import { writeMessagePack } from '../../src/cli/load/message_pack_writer.ts';

export const FORMS = ['json', 'ndjson', 'gzip', 'msgpack'] as const;
export type Form = (typeof FORMS)[number];

export interface LongBody {
  readonly bytes: Buffer;
  readonly events: number;
  /** Its length before it was compressed. */
  readonly unfolded_bytes: number;
  readonly headers: string;
}

const DEVICES = 2_000_000;
const OPENING = Buffer.from('{"events":[');
const ENDING = Buffer.from(']}');
const COMMA = 0x2c;
const LINE_FEED = 0x0a;
/** `{"events": [` with 32 bits for the number of events. */
const PACKED_OPENING = Buffer.from([0x81, 0xa6, ...Buffer.from('events'), 0xdd, 0, 0, 0, 0]);
/** A phone would not spend more on it, and level 1 is what makes bodies of this length bearable. */
const GZIP = { level: 1 };
const HEADERS: Readonly<Record<Form, string>> = {
  json: 'Content-Type: application/json\r\n',
  ndjson: 'Content-Type: application/x-ndjson\r\n',
  gzip: 'Content-Type: application/json\r\nContent-Encoding: gzip\r\n',
  msgpack: 'Content-Type: application/msgpack\r\n',
};

/** A body of about `wanted_bytes` as a reader sees it, uncompressed. */
export function longBody(form: Form, wanted_bytes: number, seed: number): LongBody {
  const stream = new EventStream(seed, DEVICES);
  const body = form === 'msgpack' ? packed(stream, wanted_bytes) : written(stream, wanted_bytes, form === 'ndjson');
  const bytes = form === 'gzip' ? gzipSync(body.bytes, GZIP) : body.bytes;
  return { bytes, events: body.events, unfolded_bytes: body.bytes.length, headers: HEADERS[form] };
}

/** How the devices of a body of this seed are called, and no others. */
export function devicePrefix(seed: number): string {
  return createFleet(seed, DEVICES).device_prefix;
}

function written(stream: EventStream, wanted_bytes: number, is_lines: boolean): { bytes: Buffer; events: number } {
  const bytes = Buffer.allocUnsafe(wanted_bytes + EVENT_BYTES_MAX);
  const separator = is_lines ? LINE_FEED : COMMA;
  let events = 0;
  let at = is_lines ? 0 : OPENING.copy(bytes, 0);
  for (; at < wanted_bytes - EVENT_BYTES_MAX; events++) {
    if (events > 0) bytes[at++] = separator;
    at = stream.write(bytes, at);
  }
  if (!is_lines) at += ENDING.copy(bytes, at);
  return { bytes: bytes.subarray(0, at), events };
}

function packed(stream: EventStream, wanted_bytes: number): { bytes: Buffer; events: number } {
  const bytes = Buffer.allocUnsafe(wanted_bytes + EVENT_BYTES_MAX);
  const json = Buffer.allocUnsafe(EVENT_BYTES_MAX);
  let events = 0;
  let at = PACKED_OPENING.copy(bytes, 0);
  for (; at < wanted_bytes - EVENT_BYTES_MAX; events++) {
    const event = writeMessagePack(JSON.parse(json.toString('latin1', 0, stream.write(json, 0))));
    bytes.set(event, at);
    at += event.length;
  }
  bytes.writeUInt32BE(events, PACKED_OPENING.length - 4);
  return { bytes: bytes.subarray(0, at), events };
}

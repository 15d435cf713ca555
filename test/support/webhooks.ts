/**
 * Webhooks as the crash reporter documents them: every JSON example of its documentation stands, as it is there, in
 * `test/reference/webhooks/`, one file each; comments were removed where it has them.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { SingleOutcome } from '../../src/contract/slab.ts';
import { CRASH_WEBHOOKS } from '../../src/sources/crash_webhooks/source.ts';
import { WEBHOOK_EVENTS } from '../../src/sources/crash_webhooks/table.ts';
import { blockRows, type Row } from './block_rows.ts';
import { createProcessor, createSlab, type SlabOptions } from './slabs.ts';

const DIRECTORY = fileURLToPath(new URL('../../../test/reference/webhooks', import.meta.url));
/** Examples that are part of a payload and not a whole one. */
const PARTS = ['envelope', 'recording', 'environment'];

export const CREATED_ON = '2026-03-01T10:00:00.000Z';

/** The text of an example as it stands in the documentation. */
export function exampleText(name: string): string {
  return readFileSync(join(DIRECTORY, `${name}.json`), 'utf8').trim();
}

/** An example's payload around which a webhook of `type` is written, every byte of the example as it is. */
export function webhookText(type: string, payload_text: string, id = `id of ${type}`): string {
  return `{"id":${JSON.stringify(id)},"type":"${type}","created_on":"${CREATED_ON}","payload":${payload_text}}`;
}

export interface ExampleWebhook {
  /** Of the example. */
  readonly name: string;
  readonly type: string;
  readonly body: string;
}

/** The examples of whole payloads, each as a webhook. `build.created` has two. */
export function exampleWebhooks(): readonly ExampleWebhook[] {
  const names = readdirSync(DIRECTORY).map((file) => file.replace(/\.json$/, ''));
  return names
    .filter((name) => !PARTS.includes(name))
    .toSorted()
    .map((name) => {
      const type = name.replace(/\.(registered|analysed)$/, '');
      return { name, type, body: webhookText(type, exampleText(name), `id of ${name}`) };
    });
}

const processor = createProcessor();

/** What became of one webhook in the worker. */
export interface Taken {
  readonly row: Row;
  readonly outcome: SingleOutcome;
}

/** Puts bodies through the worker; a body that was refused has an empty row. */
export function takeWebhooks(bodies: readonly (string | Uint8Array)[], options: SlabOptions = {}): Taken[] {
  const slab = createSlab(
    bodies.map((body) => Buffer.from(body)),
    { source: CRASH_WEBHOOKS, ...options },
  );
  const result = processor.process(slab);
  return result.singles.map((outcome) => {
    const blocks = outcome.kind === 'event' ? [result.blocks[outcome.block]] : [];
    return { outcome, row: blockRows(WEBHOOK_EVENTS, { ...result, blocks })[0] ?? {} };
  });
}

export function takeWebhook(body: string | Uint8Array, options: SlabOptions = {}): Taken {
  return takeWebhooks([body], options)[0];
}

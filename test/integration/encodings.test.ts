/** Every way in which a report's body may be written, through the real daemon into the real engine. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as zlib from 'node:zlib';
import { pack } from 'msgpackr';
import { DaemonHome } from '../support/daemon.ts';
import { until } from '../support/until.ts';

const EVENTS = Array.from({ length: 50 }, (_, index) => ({
  event_type: 'apply_success',
  release_id: 'rel_1',
  distinct_id: `device-${index}`,
  metadata: { first_render_ms: index },
}));
const JSON_BODY = Buffer.from(JSON.stringify({ events: EVENTS }));
const LINES = Buffer.from(EVENTS.map((event) => JSON.stringify(event)).join('\n'));

const MEDIA: readonly [string, Uint8Array][] = [
  ['application/json', JSON_BODY],
  ['application/x-ndjson', LINES],
  ['application/msgpack', pack({ events: EVENTS })],
];
const zstd_compress: unknown = Reflect.get(zlib, 'zstdCompressSync');
const CODINGS: readonly [string, (bytes: Uint8Array) => Uint8Array][] = [
  ['identity', (bytes) => bytes],
  ['gzip', (bytes) => zlib.gzipSync(bytes)],
  ['deflate', (bytes) => zlib.deflateSync(bytes)],
  ['br', (bytes) => zlib.brotliCompressSync(bytes)],
  ...(typeof zstd_compress === 'function'
    ? ([['zstd', (bytes) => Buffer.from(zstd_compress(bytes))]] satisfies [string, (bytes: Uint8Array) => Uint8Array][])
    : []),
];

test('a report in any media type and coding is the same report: sent in all of them, each event still counts once', async (context) => {
  const home = await DaemonHome.create(context);
  const key = await home.createKey('deploy');
  const daemon = await home.start();
  for (const [media, body] of MEDIA) {
    for (const [coding, encode] of CODINGS) {
      const headers = { 'x-api-key': key, 'Content-Type': media, ...(coding === 'identity' ? {} : { 'Content-Encoding': coding }) };
      const answer = await daemon.post('/api/deploy/report', encode(body), headers);
      assert.deepEqual([answer.status, await answer.json()], [202, { accepted: EVENTS.length, rejected: 0 }], `${media} ${coding}`);
    }
  }
  const sent = EVENTS.length * MEDIA.length * CODINGS.length;
  await until('all rows are in ClickHouse', 20_000, async () => (await daemon.count('deploy_events')) === sent);
  const [row] = await daemon.query<{ ids: string; devices: string; sum: string }>(
    'SELECT toString(uniqExact(event_id)) AS ids, toString(uniqExact(distinct_id)) AS devices, toString(sum(metadata.first_render_ms::Int64)) AS sum FROM penstock.deploy_events',
  );
  assert.deepEqual(row, { ids: '50', devices: '50', sum: String((sent / 50) * ((49 * 50) / 2)) });
});

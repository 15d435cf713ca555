/** `penstock load` over every transport and encoding, on a network that loses things: sent = acknowledged = in ClickHouse. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ENCODINGS, STREAM_ENCODINGS } from '../../src/cli/load/body_form.ts';
import type { LoadReport } from '../../src/cli/load/load_report.ts';
import { DaemonHome } from '../support/daemon.ts';

const EVENTS = 1000;
const FORMS = [
  ...ENCODINGS.map((encoding) => ['http', encoding] as const),
  ...STREAM_ENCODINGS.map((encoding) => ['ws', encoding] as const),
];

test('a fleet on a flaky network has every event acknowledged and once in ClickHouse, over every transport and encoding', async (context) => {
  const home = await DaemonHome.create(context);
  const key = await home.createKey('deploy');
  await home.start();
  for (const [index, [transport, encoding]] of FORMS.entries()) {
    const what = `${transport} ${encoding}`;
    const line = ['load', '--key', key, '--events', String(EVENTS), '--batch', '20', '--connections', '8', '--seed', String(100 + index)];
    const form = ['--transport', transport, '--encoding', encoding, '--network', 'flaky', '--verify', '--json'];
    const { code, stdout, stderr } = await home.command([...line, ...form]);
    assert.equal(code, 0, `${what}: ${stdout}${stderr}`);
    const { sent, acknowledged, in_clickhouse, retries }: LoadReport = JSON.parse(stdout);
    assert.deepEqual({ sent, acknowledged, in_clickhouse }, { sent: EVENTS, acknowledged: EVENTS, in_clickhouse: EVENTS }, what);
    assert.ok(retries > 0, `${what}: the network was not flaky`);
  }
});

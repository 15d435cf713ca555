import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WebhookTraffic } from '../../../src/cli/load/webhook_traffic.ts';

/** The body of a whole request, which must be as long as its head says. */
function bodyOf(request: Uint8Array): {
  id: string;
  payload: { app: { key: string }; issue: { key: string; severity: string; url: string } };
} {
  const [head, body] = Buffer.from(request).toString('latin1').split('\r\n\r\n');
  assert.equal(Number(/Content-Length: (\d+)$/.exec(head)?.[1]), body.length);
  return JSON.parse(body);
}

test('each webhook of a load is its own, whole, and of about two kilobytes, on whatever connection it goes', () => {
  const traffic = new WebhookTraffic({ address: { host: 'h', port: 1 }, key: 'key', seed: 7 });
  const makers = [traffic.createRequests(), traffic.createRequests()];
  const ids = new Set<string>();
  for (let index = 0; index < 1200; index++) {
    const request = makers[index % 2].next(1, index);
    assert.ok(request.length > 1800 && request.length < 2400);
    const { id, payload } = bodyOf(request);
    const app = `APP${index % 20}`;
    assert.deepEqual([id, payload.app.key, payload.issue.key], [`7-${index}`, app, `${app}-${index}`]);
    assert.ok(payload.issue.url.endsWith(`/apps/${app}/issues/${app}-${index}`));
    ids.add(id);
  }
  assert.equal(ids.size, 1200);
});

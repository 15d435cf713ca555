/** The pipelines that a load plays: requests that a daemon takes, none of them twice, and none in conflict with another. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PipelineTraffic } from '../../../src/cli/load/pipeline_traffic.ts';
import { RELEASE_EVENTS } from '../../../src/sources/release_events/source.ts';
import { createProcessor, createSlab } from '../../support/slabs.ts';

const REQUEST =
  /^POST (\S+) HTTP\/1\.1\r\nHost: h:1\r\nAuthorization: Bearer key\r\nContent-Type: application\/json\r\nContent-Length: (\d+)\r\n\r\n/;

function requests(seed: number, count: number): { path: string; body: string }[] {
  const traffic = new PipelineTraffic({ address: { host: 'h', port: 1 }, key: 'key', seed });
  const makers = [traffic.createRequests(), traffic.createRequests()];
  return Array.from({ length: count }, (_, index) => {
    const text = Buffer.from(makers[index % 2].next(1, 1)).toString();
    const [head = '', path = '', length] = REQUEST.exec(text) ?? [];
    const body = text.slice(head.length);
    assert.equal(body.length, Number(length));
    return { path, body };
  });
}

test('every request is stored, and a version has one commit whatever connection tells of it', () => {
  const sent = requests(7, 120);
  const paths = RELEASE_EVENTS.routes.map(({ path }) => path);
  const slab = createSlab(
    sent.map(({ body }) => Buffer.from(body)),
    { source: RELEASE_EVENTS, route_of: (index) => paths.indexOf(sent[index].path) },
  );
  const commits = new Map<string, string>();
  for (const single of createProcessor().process(slab).singles) {
    const claim = single.kind === 'event' ? single.claims[0] : assert.fail(single.code);
    assert.ok(claim.of === 'version');
    const commit = commits.get(claim.version) ?? '';
    if (commit !== '' && claim.scm_sha !== '') assert.equal(claim.scm_sha, commit);
    commits.set(claim.version, claim.scm_sha || commit);
  }
  assert.equal(commits.size, 20);
  assert.equal(new Set([...commits.values()]).size, 20);
});

test('no two events are equal, of one load or of two', () => {
  const bodies = [...requests(1, 60), ...requests(2, 60)].map(({ path, body }) => path + body);
  assert.equal(new Set(bodies).size, bodies.length);
});

test('an answer with an id acknowledges its event, any other acknowledges nothing', () => {
  const traffic = new PipelineTraffic({ address: { host: 'h', port: 1 }, key: 'key', seed: 1 });
  assert.deepEqual(traffic.readCounts('{"id":"550e8400-e29b-41d4-a716-446655440000"}'), { accepted: 1, rejected: 0 });
  assert.equal(traffic.readCounts('{"detail":"x"}'), undefined);
});

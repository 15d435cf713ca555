/** The judge of the load bench: medians, ratios within a round, verdicts, and the page that shows them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Sample } from '../../../bench/load/measure.ts';
import { readOptions } from '../../../bench/load/options.ts';
import { formatReport, htmlReport } from '../../../bench/load/report.ts';
import type { ServerName } from '../../../bench/load/servers.ts';
import { type HalfLoads, judgeTargets, summarize } from '../../../bench/load/targets.ts';
import type { KernelFigures } from '../../../bench/micro/kernel.ts';
import { median } from '../../../bench/micro/measure.ts';

/** 1000 requests that cost the server `cpu_us_per_request` each. */
function sample(server: ServerName, batch_events: number, round: number, cpu_us_per_request: number): Sample {
  const generated = {
    acknowledged_requests: 1000,
    acknowledged_events: 1000 * batch_events,
    rejected_events: 0,
    retries: 0,
    duration_ms: 2000,
    p50_ms: 1,
    p99_ms: 2,
    cpu_us: 5000,
    stopped: null,
  };
  return { server, batch_events, round, server_cpu_us: 1000 * cpu_us_per_request, generated };
}

function verdicts(
  samples: Sample[],
  resident_bytes_at_rest = 1e6,
  half_loads?: HalfLoads,
  kernel?: KernelFigures,
): { measured: number | undefined; met: boolean }[] {
  return judgeTargets({ samples, resident_bytes_at_rest, half_loads, kernel, two_workers_share: 0.6 }).map(({ measured, met }) => ({
    measured: measured.kind === 'value' ? measured.value : undefined,
    met,
  }));
}

test('the median is the middle value, or the mean of the two in the middle', () => {
  assert.equal(median([9, 1, 5]), 5);
  assert.equal(median([4, 1, 3, 2]), 2.5);
});

test('a target is met up to and including its bound', () => {
  const samples = [sample('raw', 1, 0, 10), sample('daemon', 1, 0, 25), sample('raw', 100, 0, 25), sample('daemon', 100, 0, 125)];
  const [at_100_events, at_1_event] = verdicts(samples);
  assert.deepEqual(at_1_event, { measured: 2.5, met: true });
  assert.deepEqual(at_100_events, { measured: 5, met: false });
});

test('a ratio compares the servers within a round, so that a slow hour of the machine cancels out', () => {
  const slowdowns = [1, 10, 3];
  const samples = slowdowns.flatMap((slow, round) => [sample('raw', 1, round, 10 * slow), sample('daemon', 1, round, 20 * slow)]);
  assert.deepEqual(verdicts(samples)[1], { measured: 2, met: true });
});

test('against the Fastify peer a target is a fraction', () => {
  const samples = [sample('fastify', 1, 0, 100), sample('daemon', 1, 0, 25), sample('fastify', 100, 0, 800), sample('daemon', 100, 0, 110)];
  assert.deepEqual(verdicts(samples).slice(2, 4), [
    { measured: 0.1375, met: false },
    { measured: 0.25, met: true },
  ]);
});

test('what fsync costs is the daemon with ack disk against the one with ack memory', () => {
  const samples = [sample('daemon_memory', 100, 0, 100), sample('daemon', 100, 0, 130)];
  assert.deepEqual(verdicts(samples)[4], { measured: 1.3, met: false });
});

test('a target without its samples is not measured and not missed', () => {
  assert.deepEqual(verdicts([])[0], { measured: undefined, met: true });
});

test('memory at rest is judged in megabytes', () => {
  assert.deepEqual(verdicts([], 151e6)[7], { measured: 151, met: false });
});

test('the latency at half of either rate is the median of its rounds', () => {
  const half_loads = {
    sustained: { events_per_s: 75_000, p99s_ms: [30, 12, 18] },
    acknowledged: { events_per_s: 200_000, p99s_ms: [30, 12, 28] },
  };
  assert.deepEqual(verdicts([], 1e6, half_loads).slice(5, 7), [
    { measured: 18, met: true },
    { measured: 28, met: false },
  ]);
});

test('the kernel is judged by JSON.parse of the same bytes, and by the byte', () => {
  assert.deepEqual(verdicts([], 1e6, undefined, { ratio: 0.27, ns_per_byte: 0.99 }).slice(8, 10), [
    { measured: 0.27, met: false },
    { measured: 0.99, met: true },
  ]);
});

test('two workers take at most as long as they do at 1.7 times the speed of one', () => {
  assert.deepEqual(verdicts([])[10], { measured: 0.6, met: false });
});

test('a summary has one line for each server and batch size, with the median of its rounds', () => {
  const samples = [sample('raw', 100, 0, 10), sample('daemon', 100, 0, 50), sample('raw', 100, 1, 30), sample('raw', 100, 2, 20)];
  const summaries = summarize(samples);
  assert.deepEqual(
    summaries.map(({ server, cpu_us_per_request, cpu_us_per_event }) => [server, cpu_us_per_request, cpu_us_per_event]),
    [
      ['raw', 20, 0.2],
      ['daemon', 50, 0.5],
    ],
  );
});

test('the report names the machine, and text in it cannot become markup', () => {
  const samples = [sample('raw', 1, 0, 10), sample('daemon', 1, 0, 20)];
  const report = {
    machine: { processor: 'A <b> & C', cores: 2, memory_bytes: 2 ** 32, system: 'Linux 6', node: '20.20.2', measured_at: 'today' },
    rounds: 1,
    seconds: 1,
    verdicts: judgeTargets({
      samples,
      resident_bytes_at_rest: 1e6,
      half_loads: undefined,
      kernel: undefined,
      two_workers_share: undefined,
    }),
    summaries: summarize(samples),
  };
  assert.match(formatReport(report), /against raw +2\.5 x +2\.00 x +met\n/);
  assert.match(htmlReport(report), /<svg .*<rect .*20\.00 µs/s);
  assert.match(htmlReport(report), /A &lt;b&gt; &amp; C, 2 cores, 4 GiB/);
});

test('--quick is one round of one second, and figures out of range are refused', () => {
  const { rounds, seconds, batches } = readOptions(['--quick']);
  assert.deepEqual({ rounds, seconds, batches }, { rounds: 1, seconds: 1, batches: [1, 100, 1000] });
  assert.throws(() => readOptions(['--rounds', '0']), /--rounds must be a whole number/);
  assert.throws(() => readOptions(['--batches', '1,x']), /--batches/);
  assert.deepEqual([readOptions([]).connections, readOptions(['--connections', '256']).connections], [64, 256]);
  assert.throws(() => readOptions(['--connections', '0']), /--connections must be a whole number/);
  assert.throws(() => readOptions(['--fast']));
});

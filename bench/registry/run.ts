/**
 * `node dist/bench/registry/run.js [versions]`: what the embedded registry does by itself. Requests, each with a version of its own, go through the gate
 * and are settled in the next turn, as many at a time as a busy daemon has; time ends when all of them are on the disk. An empty registry and one that holds
 * `versions` (a million) already, of a thousand products, take turns, so that a noisy moment of the machine meets both.
 */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { SYSTEM_CLOCK } from '../../src/base/system_clock.ts';
import type { GateRequest } from '../../src/contract/gate.ts';
import { Registry } from '../../src/registry/registry.ts';
import { median } from '../micro/measure.ts';
import { fillRegistry, versionRequest } from './fill.ts';

const VERSIONS = Number(process.argv[2] ?? 1_000_000);
const RUN_MS = 2_000;
const ROUNDS = 3;
const PRODUCTS = 1_000;
const IN_FLIGHT = 256;
const TABLE = 'events';
const IGNORE = { decided: () => undefined, committed: () => undefined, failed: () => undefined };

/** @param number of the version: they go round the products */
function requestOf(prefix: string, number: number): GateRequest {
  const version = `${prefix}.${Math.floor(number / PRODUCTS)}`;
  return versionRequest('org_bench', TABLE, { product_name: `product ${number % PRODUCTS}`, version, scm_sha: `sha of ${number}` });
}

async function open(directory: string): Promise<Registry> {
  const ports = {
    clock: SYSTEM_CLOCK,
    random: { fraction: Math.random, uuid: randomUUID },
    records: { holds: async () => new Set<string>() },
    events: { each: async () => undefined },
    rows: { eachUnsealed: async () => undefined },
    observers: { local: IGNORE, fleet: IGNORE },
  };
  const registry = new Registry(ports, {
    url: 'embedded',
    directory,
    version_tables: new Map([[TABLE, ['product_name', 'version', 'scm_sha']]]),
  });
  await registry.start();
  return registry;
}

/** For RUN_MS, and until all is written: claims per second, and a line about them; the CPU's time is that of the whole process. */
async function drive(registry: Registry, prefix: string): Promise<{ rate: number; told: string }> {
  const started_ms = performance.now();
  const cpu = process.cpuUsage();
  let count = 0;
  const client = async (): Promise<void> => {
    while (performance.now() - started_ms < RUN_MS) {
      const request = requestOf(prefix, count++);
      while (!(await isAdmitted(registry, request))) await sleep(1);
      await setImmediate();
      registry.gate.settle(request, true);
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, client));
  const flushed_ms = performance.now();
  await registry.beforeSeal(TABLE);
  const ended_ms = performance.now();
  const rate = count / ((ended_ms - started_ms) / 1000);
  const { user, system } = process.cpuUsage(cpu);
  const cpu_us = ((user + system) / count).toFixed(0).padStart(10);
  return { rate, told: `${rate.toFixed(0).padStart(8)}  ${(ended_ms - flushed_ms).toFixed(0).padStart(13)}  ${cpu_us}` };
}

/** False while the desk has as many as it holds. */
async function isAdmitted(registry: Registry, request: GateRequest): Promise<boolean> {
  const verdict = await registry.gate.admit(request);
  if (verdict.kind === 'admitted') return true;
  if (verdict.kind === 'refused' && verdict.code === 'overloaded') return false;
  throw new Error(`a new version was not admitted: ${JSON.stringify(verdict)}`);
}

const directory = mkdtempSync(join(tmpdir(), 'penstock-bench-registry-'));
try {
  const full = join(directory, 'full');
  await fillRegistry(full, VERSIONS, (number) => requestOf('1.0', number));
  const opened_ms = performance.now();
  const filled = await open(full);
  const opening_ms = performance.now() - opened_ms;
  const size_mib = statSync(join(full, 'data.mdb')).size / 2 ** 20;
  process.stdout.write(`${VERSIONS} versions: opened in ${opening_ms.toFixed(0)} ms, ${size_mib.toFixed(0)} MiB on disk\n\n`);
  const empty = await open(join(directory, 'empty'));
  process.stdout.write(`${IN_FLIGHT} at a time     claims/s  last write ms  CPU µs each\n`);
  const ratios: number[] = [];
  for (let round = 1; round <= ROUNDS; round++) {
    const [of_empty, of_filled] = [await drive(empty, `2.${round}`), await drive(filled, `2.${round}`)];
    process.stdout.write(`empty registry   ${of_empty.told}\nfilled registry  ${of_filled.told}\n`);
    ratios.push(of_filled.rate / of_empty.rate);
  }
  process.stdout.write(`filled ÷ empty   ${median(ratios).toFixed(2).padStart(8)}\n`);
  await Promise.all([empty.close(), filled.close()]);
} finally {
  rmSync(directory, { recursive: true });
}

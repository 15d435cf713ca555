/**
 * A Prometheus of a test's own: a temporary directory, a free port of loopback, ended and removed with its owner. Debian's package `prometheus` brings it
 * and promtool.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Owner } from './daemon.ts';
import { freePort } from './free_port.ts';
import { until } from './until.ts';

export const RULES = fileURLToPath(new URL('../../../config/prometheus/penstock-alerts.yaml', import.meta.url));
export const RULE_TESTS = fileURLToPath(new URL('../../../config/prometheus/penstock-rules.test.yaml', import.meta.url));
export const DASHBOARD = fileURLToPath(new URL('../../../config/grafana/penstock.json', import.meta.url));

const START_MS_MAX = 30_000;

/** As `skip` of tests that need it, where it is not installed. */
export const NEEDS_PROMETHEUS: string | false =
  !['prometheus', 'promtool'].every(isInstalled) && 'Prometheus is not installed here (Debian: prometheus)';

export interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
}

interface ApiAnswer<Data> {
  readonly status: string;
  readonly error?: string;
  readonly data: Data;
}

export class PrometheusServer {
  private constructor(private readonly port: number) {}

  /** Starts one that scrapes `target` (host and port) twice a second, as the job `penstock`, with our rules. */
  static async create(owner: Owner, target: string): Promise<PrometheusServer> {
    const directory = await mkdtemp(join(tmpdir(), 'penstock-prometheus-'));
    let child: ChildProcess | undefined;
    owner.after(async () => {
      if (child !== undefined && child.exitCode === null && child.signalCode === null) {
        child.kill('SIGKILL');
        await once(child, 'exit');
      }
      await rm(directory, { recursive: true, force: true, maxRetries: 5 });
    });
    const scrape = { job_name: 'penstock', static_configs: [{ targets: [target] }] };
    const global = { scrape_interval: '500ms', scrape_timeout: '500ms', evaluation_interval: '500ms' };
    // JSON is YAML.
    await writeFile(join(directory, 'prometheus.yaml'), JSON.stringify({ global, rule_files: [RULES], scrape_configs: [scrape] }));
    const server = new PrometheusServer(await freePort());
    const options = [
      `--config.file=${join(directory, 'prometheus.yaml')}`,
      `--storage.tsdb.path=${join(directory, 'data')}`,
      `--web.listen-address=127.0.0.1:${server.port}`,
    ];
    child = spawn('prometheus', options, { stdio: 'ignore' });
    await until('Prometheus is ready', START_MS_MAX, async () => (await fetch(server.url('/-/ready')).catch(() => undefined))?.ok === true);
    return server;
  }

  /** Samples of an expression, now; rejects with Prometheus' own words about one that it cannot parse. */
  async query(expression: string): Promise<readonly Sample[]> {
    return (await this.ask<{ result: readonly Sample[] }>(`/api/v1/query?query=${encodeURIComponent(expression)}`)).result;
  }

  async ask<Data>(path: string): Promise<Data> {
    const answer: ApiAnswer<Data> = JSON.parse(await (await fetch(this.url(path))).text());
    if (answer.status !== 'success') throw new Error(answer.error);
    return answer.data;
  }

  private url(path: string): string {
    return `http://127.0.0.1:${this.port}${path}`;
  }
}

/** Runs promtool with a text as its input; resolves to what it said. */
export async function promtool(line: readonly string[], input = ''): Promise<{ code: number | null; output: string }> {
  const child = spawn('promtool', line, { stdio: ['pipe', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += String(chunk)));
  child.stdin.end(input);
  await once(child, 'close');
  return { code: child.exitCode, output };
}

function isInstalled(program: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((directory) => existsSync(join(directory, program)));
}

/** What a run of the load bench says: tables on the terminal, a page to look at later, an object for scripts. */
import { cpuChart } from './plot.ts';
import { escapeHtml, formatTable, htmlTable, type Table } from './table.ts';
import type { Summary, Verdict } from './targets.ts';

/** Where and when it was measured. */
export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly memory_bytes: number;
  readonly system: string;
  readonly node: string;
  readonly measured_at: string;
}

export interface BenchReport {
  readonly machine: Machine;
  readonly rounds: number;
  readonly seconds: number;
  readonly verdicts: readonly Verdict[];
  readonly summaries: readonly Summary[];
}

const SERVER_TITLES = { raw: 'raw', daemon: 'daemon, ack disk', daemon_memory: 'daemon, ack memory', fastify: 'Fastify peer' } as const;
const GIB = 1024 ** 3;

export function formatReport(report: BenchReport): string {
  return [formatTable(verdictTable(report.verdicts)), formatTable(summaryTable(report.summaries)), `${describeMachine(report)}\n`].join(
    '\n',
  );
}

/** A page that needs nothing else. */
export function htmlReport(report: BenchReport): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Penstock under load</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; color: #222; }
table { border-collapse: collapse; margin: 1rem 0 2rem; }
th, td { padding: 0.3rem 0.8rem; border-bottom: 1px solid #ddd; text-align: right; font-variant-numeric: tabular-nums; }
th:first-child, td:first-child { text-align: left; }
</style>
<h1>Penstock under load</h1>
<p>${escapeHtml(describeMachine(report))}</p>
<h2>Targets</h2>
${htmlTable(verdictTable(report.verdicts))}
<h2>Processor time per event</h2>
${cpuChart(report.summaries, SERVER_TITLES)}
<h2>Measured</h2>
<p>Medians over the rounds. CPU is user and system time of the server's own process, the engine's not counted.</p>
${htmlTable(summaryTable(report.summaries))}
</html>
`;
}

function verdictTable(verdicts: readonly Verdict[]): Table {
  return {
    header: ['target', 'at most', 'measured', 'verdict'],
    rows: verdicts.map(({ what, unit, target_max, measured, met }) => [
      what,
      `${Number(target_max.toFixed(3))} ${unit}`,
      measured.kind === 'missing' ? '-' : `${measured.value.toFixed(2)} ${unit}`,
      measured.kind === 'missing' ? 'not measured' : met ? 'met' : 'MISSED',
    ]),
  };
}

function summaryTable(summaries: readonly Summary[]): Table {
  return {
    header: [
      'server',
      'events/request',
      'CPU µs/request',
      'CPU µs/event',
      'events/s',
      'p50 ms',
      'p99 ms',
      'generator CPU µs/request',
      'µs/event',
      'retries',
    ],
    rows: summaries.map((summary) => [
      SERVER_TITLES[summary.server],
      String(summary.batch_events),
      summary.cpu_us_per_request.toFixed(1),
      summary.cpu_us_per_event.toFixed(3),
      Math.round(summary.events_per_s).toLocaleString('en-US'),
      summary.p50_ms.toFixed(2),
      summary.p99_ms.toFixed(2),
      summary.generator_cpu_us_per_request.toFixed(1),
      summary.generator_cpu_us_per_event.toFixed(3),
      String(summary.retries),
    ]),
  };
}

function describeMachine({ machine, rounds, seconds }: BenchReport): string {
  const memory = `${(machine.memory_bytes / GIB).toFixed(0)} GiB`;
  const where = `${machine.processor}, ${machine.cores} cores, ${memory}, ${machine.system}, Node ${machine.node}`;
  return `${where}; ${rounds} ${rounds === 1 ? 'round' : 'rounds'} of ${seconds} s, ${machine.measured_at}.`;
}

/** Puts the live page together: one sampler over telemetry and stages, the log's problems, the fleet from ClickHouse, and the page's files. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { installedFile } from '../base/installation.ts';
import { SYSTEM_CLOCK } from '../base/system_clock.ts';
import type { QueryPort } from '../contract/query.ts';
import type { AdminRoute } from '../ops/admin_server.ts';
import type { Logger } from '../ops/logger.ts';
import type { Observatory } from '../ops/observatory.ts';
import { type AssetFile, loadAssets } from '../ops/page/assets.ts';
import { EventStream } from '../ops/page/event_stream.ts';
import type { ProblemRing } from '../ops/page/problem_ring.ts';
import { createPageRoutes } from '../ops/page/routes.ts';
import { Sampler } from '../ops/page/sampler.ts';
import type { Telemetry } from '../ops/telemetry.ts';
import { FleetOverview } from '../read/fleet_overview.ts';
import { SOURCES } from '../sources/list.ts';

const SOURCE_NAMES = SOURCES.map(({ name }) => name);

/** Served as they are, so that they need no copy of the build: beside the sources, as `config/` is. */
const STATIC_DIRECTORY = installedFile('src/ops/page/static/');
const MODULES = ['main.js', 'charts.js', 'connection.js', 'dom.js', 'fleet.js', 'format.js', 'live.js', 'verdict.js'];

/** Reads the page's files. Rejects when the package is not whole. */
export function loadPageAssets(): Promise<AdminRoute[]> {
  const own = (name: string): string => fileURLToPath(new URL(name, STATIC_DIRECTORY));
  const { resolve } = createRequire(import.meta.url);
  const files: AssetFile[] = [
    { path: '/', file: own('index.html') },
    ...['page.css', 'icon.svg', ...MODULES].map((name) => ({ path: `/page/${name}`, file: own(name) })),
    { path: '/page/uplot.js', file: resolve('uplot/dist/uPlot.esm.js') },
    { path: '/page/uplot.css', file: resolve('uplot/dist/uPlot.min.css') },
  ];
  return loadAssets(files, (file) => readFile(file));
}

export interface PageParts {
  readonly log: Logger;
  readonly problems: ProblemRing;
  readonly telemetry: Telemetry;
  readonly observatory: Observatory;
  readonly query: QueryPort;
  readonly assets: readonly AdminRoute[];
}

export interface Page {
  readonly sampler: Sampler;
  readonly routes: readonly AdminRoute[];
}

/** @param threads how many workers there are */
export function createPage(parts: PageParts, threads: number): Page {
  const { log, problems, telemetry, observatory, query, assets } = parts;
  const read = async () => ({
    time_ms: SYSTEM_CLOCK.nowMs(),
    monotonic_ms: SYSTEM_CLOCK.monotonicMs(),
    tally: await telemetry.tally(),
    ingest: observatory.ingest(),
    spool: observatory.spool(),
    delivery: observatory.delivery(),
    health: observatory.report(),
    ledger: observatory.ledger(SOURCE_NAMES),
  });
  const failed = (error: unknown): void => log.error({ error }, 'sampling_failed');
  const sampler = new Sampler({ clock: SYSTEM_CLOCK, read, failed }, threads);
  const stream = new EventStream(sampler, problems);
  const fleet = new FleetOverview(query, SYSTEM_CLOCK);
  return { sampler, routes: [...assets, ...createPageRoutes(stream, fleet, SYSTEM_CLOCK)] };
}

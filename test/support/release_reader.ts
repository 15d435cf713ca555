/** Asks a daemon for release statistics, and reports events to ask about. */
import assert from 'node:assert/strict';
import type { ListedRelease } from '../../src/read/release_list.ts';
import type { Release } from '../../src/read/release_statistics.ts';
import { DaemonHome, type Owner, type RunningDaemon } from './daemon.ts';
import { until } from './until.ts';

/** `spool.seal_age_ms_max` and an INSERT, with room for a busy machine. */
const VISIBLE_MS_MAX = 10_000;
const RELEASES = '/api/v1/deploy/releases';

export type Fields = Readonly<Record<string, unknown>>;

export class ReleaseReader {
  private rows = 0;

  private constructor(
    readonly home: DaemonHome,
    readonly daemon: RunningDaemon,
    private readonly deploy_key: string,
    readonly read_key: string,
  ) {}

  static async start(owner: Owner): Promise<ReleaseReader> {
    const home = await DaemonHome.create(owner, { PENSTOCK_SPOOL__SEAL_AGE_MS_MAX: '100' });
    const deploy_key = await home.createKey('deploy');
    const read_key = await home.createKey('read');
    return new ReleaseReader(home, await home.start(), deploy_key, read_key);
  }

  /** Sends events in one report and resolves when they are in ClickHouse. */
  async report(events: readonly Fields[], key = this.deploy_key): Promise<void> {
    const answer = await this.daemon.post('/api/deploy/report', JSON.stringify({ events }), { 'x-api-key': key });
    assert.deepEqual(await answer.json(), { accepted: events.length, rejected: 0 });
    this.rows += events.length;
    const rows = this.rows;
    await until(`${rows} rows are there`, VISIBLE_MS_MAX, async () => (await this.daemon.count('deploy_events')) === rows);
  }

  /** Puts a row into ClickHouse as delivery would have at another time. */
  async insert(event_id: number, time: string, event_type: string, distinct_id: string, release_id: string): Promise<void> {
    const uuid = `00000000-0000-4000-8000-${String(event_id).padStart(12, '0')}`;
    const columns = 'organization_id, project_id, environment, event_id, timestamp, event_type, release_id, distinct_id, platform';
    await this.daemon.query(
      `INSERT INTO deploy_events (${columns}) SELECT 'org_test', 'proj_test', 'live', '${uuid}', '${time}', '${event_type}', '${release_id}', '${distinct_id}', 'ios'`,
    );
    this.rows++;
  }

  get(path: string, key = this.read_key): Promise<Response> {
    return fetch(this.daemon.url(`${RELEASES}${path}`), { headers: { 'x-api-key': key } });
  }

  async list(query = '', key = this.read_key): Promise<readonly ListedRelease[]> {
    const answer = await this.get(query, key);
    const text = await answer.text();
    assert.equal(answer.status, 200, text);
    const body: { releases: ListedRelease[] } = JSON.parse(text);
    assert.deepEqual(Object.keys(body), ['releases']);
    return body.releases;
  }

  async release(id: string, query = '', key = this.read_key): Promise<Release> {
    const answer = await this.get(`/${encodeURIComponent(id)}${query}`, key);
    const text = await answer.text();
    assert.equal(answer.status, 200, text);
    const body: Release = JSON.parse(text);
    return body;
  }
}

/** The fleet's part of the page: releases, deployments and webhooks, asked for every few seconds while somebody looks. */
import { Chart, localTime } from './charts.js';
import { getJson, Unauthorized } from './connection.js';
import { byId, element, empty, failed, setText, show, table } from './dom.js';
import { ago, count, milliseconds, NOTHING, percent, short } from './format.js';
import { DEVICES_MIN, rateLevel } from './verdict.js';

const RELEASES_EVERY_MS = 5000;
const REST_EVERY_MS = 15_000;
const WORDS = { bad: 'high', watch: 'raised' };

export class Fleet {
  /** @param on_releases is told the list, or undefined when it is not known */
  constructor(on_releases) {
    this.on_releases = on_releases;
    this.project = '';
    this.selected = undefined;
    this.adoption = new Chart(byId('adoption'), { title: 'Adoption: installs of each release, added up', series: [], format: short, time });
    this.series = undefined;
    byId('project').addEventListener('change', (event) => {
      this.project = event.target.value;
      this.select(undefined);
      void this.refreshReleases();
    });
    byId('release-list').addEventListener('click', (event) => {
      const release_id = event.target.closest('button')?.getAttribute('data-key');
      if (release_id !== null && release_id !== undefined) this.select(release_id === this.selected ? undefined : release_id);
    });
  }

  start() {
    every(RELEASES_EVERY_MS, () => this.refreshReleases());
    every(REST_EVERY_MS, () => Promise.all([this.refreshProjects(), refreshDeployments(), refreshWebhooks()]));
  }

  select(release_id) {
    this.selected = release_id;
    byId('release').hidden = release_id === undefined;
    for (const button of byId('release-list').querySelectorAll('button')) {
      button.setAttribute('aria-pressed', String(button.getAttribute('data-key') === release_id));
    }
    if (release_id === undefined) return;
    setText(byId('release-title'), `Release ${release_id}: loading…`);
    void this.refreshRelease();
  }

  async refreshProjects() {
    const { projects } = await getJson('/page/projects');
    const options = projects.map(({ organization_id, project_id, environment }) =>
      element(
        'option',
        { value: new URLSearchParams({ organization: organization_id, project: project_id, environment }).toString() },
        [organization_id, project_id, environment].filter((part) => part !== '').join(' / '),
      ),
    );
    const picker = byId('project');
    const texts = (children) => [...children].map(({ value }) => value).join('\n');
    const next = [element('option', { value: '' }, 'All projects'), ...options];
    if (texts(next) === texts(picker.children)) return;
    picker.replaceChildren(...next);
    picker.value = this.project;
  }

  async refreshReleases() {
    const { project } = this;
    try {
      const { releases, adoption } = await getJson(`/page/releases?${project}`);
      if (project !== this.project) return;
      setText(byId('releases-note'), '');
      show(byId('release-list'), releaseTable(releases, this.selected));
      this.drawAdoption(adoption, releases);
      this.on_releases(releases);
      if (this.selected !== undefined) await this.refreshRelease();
    } catch (error) {
      if (error instanceof Unauthorized) throw error;
      setText(byId('releases-note'), `Not up to date: ${error.message}`);
      if (byId('release-list').querySelector('table') === null) show(byId('release-list'), failed('Releases cannot be shown now.'));
      this.on_releases(undefined);
    }
  }

  drawAdoption({ times_s, releases }, listed) {
    byId('adoption').hidden = releases.length === 0;
    if (releases.length === 0) return;
    const labels = labelsOf(listed);
    const totals = releases.map(({ installs }) => {
      let sum = 0;
      return installs.map((value) => (sum += value));
    });
    this.adoption.draw(
      [times_s, ...totals],
      releases.map(({ release_id }) => ({ label: labels.get(release_id) ?? release_id })),
    );
  }

  async refreshRelease() {
    const { selected, project } = this;
    try {
      const release = await getJson(`/page/release?${project}&${new URLSearchParams({ id: selected })}`);
      if (selected === this.selected && project === this.project) this.drawRelease(release);
    } catch (error) {
      if (error instanceof Unauthorized) throw error;
      setText(byId('release-title'), `Release ${selected}: ${error.message}`);
    }
  }

  drawRelease(release) {
    const { release_id, bundle_label, series, stats, first_render_ms, download_ms } = release;
    const times = [];
    if (first_render_ms !== null) times.push(`first render p95 ${milliseconds(first_render_ms.p95)}`);
    if (download_ms !== null) times.push(`download p95 ${milliseconds(download_ms.p95)}`);
    const facts = [`${count(stats.unique_devices)} devices`, ...times].join(', ');
    setText(byId('release-title'), `${bundle_label ?? 'Release'} (${release_id}): ${facts}`);
    this.series ??= new Chart(byId('release-series'), {
      title: 'Events of this release',
      heading: 'h4',
      series: [{ label: 'Installs' }, { label: 'Downloads' }, { label: 'Rollbacks' }, { label: 'Crashes' }],
      format: short,
      time,
    });
    const values = (name) => series.map((point) => point[name]);
    const times_s = series.map((point) => Date.parse(point.time) / 1000);
    this.series.draw([times_s, ...['installs', 'downloads', 'rollbacks', 'crashes'].map(values)]);
    show(byId('platforms'), valueTable('Platforms', release.by_platform));
    show(byId('versions'), valueTable('OS versions', release.by_os_version.slice(0, 8)));
    const reasons = release.rollback_reasons.map(({ reason, count: events }) => [reason, count(events)]);
    show(
      byId('reasons'),
      reasons.length === 0
        ? empty('None did.')
        : table('Rollback reasons', [{ title: 'Reason' }, { title: 'Rollbacks', number: true }], reasons),
    );
  }
}

/** The bundle's label; with the id where several releases bear the same one. */
function labelsOf(releases) {
  const counts = new Map();
  for (const { bundle_label } of releases) counts.set(bundle_label, (counts.get(bundle_label) ?? 0) + 1);
  return new Map(
    releases.map(({ release_id, bundle_label }) => {
      if (bundle_label === null) return [release_id, release_id];
      return [release_id, counts.get(bundle_label) === 1 ? bundle_label : `${bundle_label} ${release_id}`];
    }),
  );
}

function time(time_s) {
  return localTime(time_s).slice(5, 16).replace('T', ' ');
}

/** Runs at once and then again and again, but not while nobody looks; what fails is tried again the next time. */
function every(interval_ms, run) {
  const turn = async () => {
    if (!document.hidden) await run().catch((error) => (error instanceof Unauthorized ? undefined : console.warn(error.message)));
    setTimeout(turn, interval_ms);
  };
  void turn();
}

function rate(name, stats) {
  const level = rateLevel(name, stats);
  const text = percent(stats[name]);
  return WORDS[level] === undefined ? text : element('span', { class: `level-${level}` }, `${text} ${WORDS[level]}`);
}

const RATES = [
  { title: 'Crash rate', number: true },
  { title: 'Rollback rate', number: true },
];

function releaseTable(releases, selected) {
  if (releases.length === 0)
    return empty('No release has reported yet. Devices do so with POST /api/deploy/report; penstock load plays a fleet.');
  const rows = releases.map(({ release_id, bundle_label, last_seen, stats }) => [
    element(
      'span',
      {},
      element(
        'button',
        { type: 'button', class: 'link', 'data-key': release_id, 'aria-pressed': selected === release_id },
        bundle_label ?? release_id,
      ),
      bundle_label === null ? null : element('span', { class: 'sub' }, release_id),
    ),
    count(stats.unique_devices),
    count(stats.downloads),
    installs(stats),
    rate('crash_rate', stats),
    rate('rollback_rate', stats),
    ago(last_seen),
  ]);
  const columns = [
    { title: 'Release' },
    { title: 'Devices', number: true },
    { title: 'Downloads', number: true },
    { title: 'Installs', number: true },
    ...RATES,
    { title: 'Last event', number: true },
  ];
  const note = element(
    'p',
    { class: 'note' },
    `A rate is marked from ${DEVICES_MIN} devices on. Choose a release to see its platforms and reasons.`,
  );
  return element('div', {}, table('Releases, the latest activity first', columns, rows), note);
}

/** How many, and their share of the downloads: the install rate. */
function installs({ installs: installed, downloads }) {
  const share = downloads === 0 ? NOTHING : percent(Math.min(1, installed / downloads));
  return element('span', {}, count(installed), element('span', { class: 'sub' }, `${share} of downloads`));
}

function valueTable(label, values) {
  if (values.length === 0) return empty('No device has said.');
  const rows = values.map((stats) => [
    stats.value === '' ? 'not said' : stats.value,
    count(stats.unique_devices),
    rate('crash_rate', stats),
    rate('rollback_rate', stats),
  ]);
  return table(label, [{ title: label }, { title: 'Devices', number: true }, ...RATES], rows);
}

async function refreshDeployments() {
  const target = byId('deployment-list');
  try {
    const { deployments } = await getJson('/page/deployments');
    show(
      target,
      deployments.length === 0
        ? empty('No deployment has been reported yet. Pipelines do so with POST /deployment-events/.')
        : deploymentTable(deployments),
    );
  } catch (error) {
    if (!(error instanceof Unauthorized)) show(target, failed(`Deployments cannot be shown: ${error.message}`));
  }
}

function deploymentTable(deployments) {
  const levels = { failed: 'bad', aborted: 'watch', completed: 'good' };
  const rows = deployments.map(({ organization_id, product_name, environment_name, running, latest }) => [
    element('span', {}, product_name, element('span', { class: 'sub' }, organization_id)),
    environment_name,
    running === null ? NOTHING : element('span', {}, running.version, element('span', { class: 'sub' }, `since ${ago(running.since)}`)),
    element(
      'span',
      {},
      element('span', { class: levels[latest.status] === undefined ? null : `level-${levels[latest.status]}` }, latest.status),
      element('span', { class: 'sub' }, `${latest.version}, ${ago(latest.at)}`),
    ),
  ]);
  return table('What runs where', [{ title: 'Product' }, { title: 'Environment' }, { title: 'Runs' }, { title: 'Last deployment' }], rows);
}

async function refreshWebhooks() {
  const target = byId('webhook-list');
  try {
    const { days, types } = await getJson('/page/webhooks');
    show(
      target,
      types.length === 0
        ? empty(`No webhook has come in ${days} days. The crash reporter sends them to POST /webhooks/bugsee.`)
        : webhookTable(days, types),
    );
  } catch (error) {
    if (!(error instanceof Unauthorized)) show(target, failed(`Webhooks cannot be shown: ${error.message}`));
  }
}

function webhookTable(days, types) {
  const rows = types.map(({ type, valid, invalid, last_received, last_reason }) => [
    type,
    count(valid),
    invalid === 0 ? '0' : element('span', { class: 'level-watch' }, count(invalid)),
    ago(last_received),
    last_reason === '' ? NOTHING : last_reason,
  ]);
  const columns = [
    { title: 'Type' },
    { title: 'Valid', number: true },
    { title: 'Invalid', number: true },
    { title: 'Last', number: true },
    { title: 'Why the last invalid one is' },
  ];
  return table(`Webhooks of the last ${days} days`, columns, rows);
}

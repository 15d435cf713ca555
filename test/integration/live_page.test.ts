/** The live page in a real browser, before a real daemon: what an operator sees. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { artifact, NEEDS_CHROMIUM } from '../support/chromium.ts';
import { DaemonHome, type RunningDaemon } from '../support/daemon.ts';
import { openPage, SHOWN_MS_MAX, shows } from '../support/live_page.ts';
import { until } from '../support/until.ts';

const PHONE = { width: 320, height: 640 };
const HAS_DRAWN = `[...document.querySelectorAll('#live-charts canvas')].length === 4 && [...document.querySelectorAll('#live-charts canvas')]
  .every((canvas) => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.some((value) => value !== 0))`;
/** How many coloured pixels a chart has where only the third of five values is there, before and after it is taken away too. */
const LONELY_PIXELS = `import('/page/charts.js').then(async ({ Chart }) => {
  const box = document.body.appendChild(document.createElement('div'));
  const chart = new Chart(box, { title: 'Lonely', series: [{ label: 'a' }], format: String });
  const coloured = async (value) => {
    chart.draw([[10, 20, 30, 40, 50], [null, null, value, null, 0]]);
    await new Promise((drawn) => setTimeout(drawn, 100));
    const canvas = box.querySelector('canvas');
    const { data } = canvas.getContext('2d').getImageData(canvas.width / 2, 0, canvas.width / 4, canvas.height / 2);
    return [...data.keys()].filter((at) => at % 4 === 0 && data[at + 3] > 200 && Math.abs(data[at] - data[at + 2]) > 60).length;
  };
  const pixels = [await coloured(1), await coloured(null)];
  box.remove();
  return pixels;
})`;
const OVERFLOW = 'document.documentElement.scrollWidth - document.documentElement.clientWidth';

/** One daemon, without a browser none: the first test finds it empty. */
const home = await DaemonHome.create({ after }, { PENSTOCK_SPOOL__SEAL_AGE_MS_MAX: '100' });
const [key, events_key, webhook_key] = [await home.createKey('deploy'), await home.createKey('events'), await home.createKey('webhook')];
let started: RunningDaemon | undefined;

async function theDaemon(): Promise<RunningDaemon> {
  started ??= await home.start();
  return started;
}

function report(daemon: RunningDaemon, devices: number, event_type: string): Promise<Response> {
  const events = Array.from({ length: devices }, (_none, device) => ({
    event_type,
    release_id: 'rel_<b>1</b>',
    distinct_id: `device_${device}`,
    platform: 'ios',
    metadata: { reason: 'two_crash_rule' },
  }));
  return daemon.post('/api/deploy/report', JSON.stringify({ events }), { 'x-api-key': key });
}

test('the page loads, draws, and follows what comes, without a complaint or a request to elsewhere', {
  skip: NEEDS_CHROMIUM,
}, async (context) => {
  const daemon = await theDaemon();
  const { page, complaints } = await openPage(context, daemon, { colorScheme: 'light' });
  await shows(page, '#verdict', /^All is well\n.*No event has come yet/);
  await shows(page, '#release-list', /^No release has reported yet/);
  await shows(page, '#deployment-list', /^No deployment has been reported yet/);
  await shows(page, '#webhook-list', /^No webhook has come/);

  await report(daemon, 60, 'apply_success');
  await daemon.post('/api/deploy/report', '{"events":[{"event_type":"nonsense"}]}', { 'x-api-key': key });
  await shows(page, '#ledger', /Received\s+61\s+Rejected\s+1\s+Delivered\s+60/);
  await shows(page, '#rejections', /\b1\b/);
  await shows(page, '#release-list', /rel_<b>1<\/b>\s+60/);
  await until('the charts are drawn', SHOWN_MS_MAX, () => page.evaluate<boolean>(HAS_DRAWN));
  assert.match(
    (await page.locator('#live-charts [role=img]').first().getAttribute('aria-label')) ?? '',
    /^Throughput, chart\. Latest: In .*\/s/,
  );

  await report(daemon, 10, 'crash_on_update');
  await report(daemon, 4, 'rollback');
  await shows(
    page,
    '#verdict',
    /^Something is wrong\nRelease rel_<b>1<\/b> crashed on 16\.7 % and was rolled back on 6\.7 % of 60 devices\./,
  );
  await page.getByRole('button', { name: 'rel_<b>1</b>' }).click();
  await shows(page, '#platforms', /ios\s+60\s+16\.7 % high/);
  await shows(page, '#reasons', /two_crash_rule\s+4/);
  await page.locator('#live-charts summary').first().click();
  await shows(page, '#live-charts details[open]', /Time\s+In\s+Delivered\s+Rejected/);
  await page.getByLabel('Project').selectOption({ label: 'org_test / proj_test / live' });
  await shows(page, '#release-list', /rel_<b>1<\/b>\s+60/);

  await page.screenshot({ path: artifact('live_page_light.png'), fullPage: true });
  await page.emulateMedia({ colorScheme: 'dark' });
  assert.equal(await page.evaluate("getComputedStyle(document.body).backgroundColor === 'rgb(14, 19, 26)'"), true);
  await page.screenshot({ path: artifact('live_page_dark.png'), fullPage: true });
  await page.setViewportSize(PHONE);
  await until('nothing is wider than the phone', SHOWN_MS_MAX, async () => (await page.evaluate<number>(OVERFLOW)) <= 0);
  await page.screenshot({ path: artifact('live_page_phone.png'), fullPage: true });
  assert.deepEqual(complaints, []);
});

test('what runs where, and how webhooks do, is what pipelines and the crash reporter have sent', {
  skip: NEEDS_CHROMIUM,
}, async (context) => {
  const daemon = await theDaemon();
  const deploy = async (version: string, status: string): Promise<void> => {
    const body = JSON.stringify({ product_name: 'shop', environment_name: 'production', version, status });
    assert.equal((await daemon.post('/deployment-events/', body, { Authorization: `Bearer ${events_key}` })).status, 200);
  };
  await deploy('1.0.0', 'success');
  await deploy('1.1.0', 'failed');
  const hook = '{"id":"1","type":"no.such.type"}';
  assert.equal((await daemon.post('/webhooks/bugsee', hook, { 'x-api-key': webhook_key })).status, 200);
  await until('they are in ClickHouse', SHOWN_MS_MAX, async () => {
    return (await daemon.count('deployment_events')) === 2 && (await daemon.count('webhook_events')) === 1;
  });
  const { page, complaints } = await openPage(context, daemon);
  await shows(page, '#deployment-list', /shop\s+org_test\s+production\s+1\.0\.0\s+since just now\s+failed\s+1\.1\.0, just now/);
  await shows(page, '#webhook-list', /no\.such\.type\s+0\s+1\s+just now\s+\S+/);
  await page.screenshot({ path: artifact('live_page_deployments.png'), fullPage: true });
  assert.deepEqual(complaints, []);
});

test('a sample without neighbours is a point in the chart', { skip: NEEDS_CHROMIUM }, async (context) => {
  const { page } = await openPage(context, await theDaemon());
  const [with_sample = 0, without = 0] = await page.evaluate<number[]>(LONELY_PIXELS);
  assert.ok(with_sample > without + 5, `${with_sample} pixels with the sample, ${without} without`);
});

test('the keyboard gets to the content at once, and everything that is drawn has a name', { skip: NEEDS_CHROMIUM }, async (context) => {
  const daemon = await theDaemon();
  const { page } = await openPage(context, daemon);
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate('document.activeElement.textContent'), 'Skip to the content');
  await page.keyboard.press('Enter');
  assert.equal(await page.evaluate('document.activeElement.id'), 'content');
  await shows(page, '#machine', /ClickHouse\s+up, embedded/);
  assert.equal(await page.locator('[role=img]:not([aria-label])').count(), 0);
  assert.equal(await page.locator('table:not([aria-label])').count(), 0);
  const levels = await page.evaluate<number[]>(
    "[...document.querySelectorAll('h1, h2, h3, h4')].map((heading) => Number(heading.tagName[1]))",
  );
  assert.ok(
    levels.every((level, position) => level <= (levels[position - 1] ?? 0) + 1),
    `no heading skips a level: ${levels}`,
  );
});

/** The live page in a real browser, before a real daemon: what an operator sees. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { BrowserContextOptions, Page } from 'playwright-core';
import { artifact, NEEDS_CHROMIUM, openBrowser } from '../support/chromium.ts';
import { DaemonHome, type RunningDaemon } from '../support/daemon.ts';
import { freePort } from '../support/free_port.ts';
import { until } from '../support/until.ts';

const SHOWN_MS_MAX = 20_000;
const PHONE = { width: 320, height: 640 };
const HAS_DRAWN = `[...document.querySelectorAll('#live-charts canvas')].length === 4 && [...document.querySelectorAll('#live-charts canvas')]
  .every((canvas) => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.some((value) => value !== 0))`;
const OVERFLOW = 'document.documentElement.scrollWidth - document.documentElement.clientWidth';

interface Opened {
  readonly page: Page;
  /** What the browser complained of, and what it asked of anybody but the daemon. */
  readonly complaints: string[];
}

async function open(context: TestContext, daemon: RunningDaemon, options: BrowserContextOptions = {}): Promise<Opened> {
  const browser = await openBrowser(context);
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 }, ...options });
  page.setDefaultTimeout(SHOWN_MS_MAX);
  const complaints: string[] = [];
  page.on('console', (message) => void (message.type() === 'error' && complaints.push(message.text())));
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('request', (request) => void (!request.url().startsWith(daemon.adminUrl('/')) && complaints.push(request.url())));
  await page.goto(daemon.adminUrl('/'));
  return { page, complaints };
}

/** A text of the page, once it is as expected. */
async function shows(page: Page, selector: string, expected: RegExp): Promise<void> {
  let seen = '';
  await until(`${selector} shows ${expected}`, SHOWN_MS_MAX, async () => {
    seen = (await page.locator(selector).allInnerTexts()).join('\n');
    return expected.test(seen);
  }).catch((error: unknown) => {
    throw new Error(`${String(error)}; it shows: ${seen}`);
  });
}

function report(daemon: RunningDaemon, key: string, devices: number, event_type: string): Promise<Response> {
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
  const home = await DaemonHome.create(context, { PENSTOCK_SPOOL__SEAL_AGE_MS_MAX: '100' });
  const key = await home.createKey('deploy');
  const daemon = await home.start();
  const { page, complaints } = await open(context, daemon, { colorScheme: 'light' });
  await shows(page, '#verdict', /^All is well\n.*No event has come yet/);
  await shows(page, '#release-list', /^No release has reported yet/);
  await shows(page, '#deployment-list', /^No deployment has been reported yet/);
  await shows(page, '#webhook-list', /^No webhook has come/);

  await report(daemon, key, 60, 'apply_success');
  await daemon.post('/api/deploy/report', '{"events":[{"event_type":"nonsense"}]}', { 'x-api-key': key });
  await shows(page, '#ledger', /Received\s+61\s+Rejected\s+1\s+Delivered\s+60/);
  await shows(page, '#rejections', /\b1\b/);
  await shows(page, '#release-list', /rel_<b>1<\/b>\s+60/);
  await until('the charts are drawn', SHOWN_MS_MAX, () => page.evaluate<boolean>(HAS_DRAWN));
  assert.match(
    (await page.locator('#live-charts [role=img]').first().getAttribute('aria-label')) ?? '',
    /^Throughput, chart\. Latest: In .*\/s/,
  );

  await report(daemon, key, 10, 'crash_on_update');
  await report(daemon, key, 4, 'rollback');
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

test('the keyboard gets to the content at once, and everything that is drawn has a name', { skip: NEEDS_CHROMIUM }, async (context) => {
  const daemon = await (await DaemonHome.create(context)).start();
  const { page } = await open(context, daemon);
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

test('with a token the page asks for it, refuses a wrong one, and keeps the right one for the session', {
  skip: NEEDS_CHROMIUM,
}, async (context) => {
  const daemon = await (await DaemonHome.create(context, { PENSTOCK_ADMIN__TOKEN: 'open sesame' })).start();
  const { page } = await open(context, daemon);
  const enter = async (token: string): Promise<void> => {
    await page.getByLabel('Token').fill(token);
    await page.getByRole('button', { name: 'Show the page' }).click();
  };
  await shows(page, '#token-form', /This daemon asks for its admin\.token/);
  assert.equal(await page.locator('#verdict').isVisible(), false);
  await enter('wrong');
  await shows(page, '#token-error', /not the right one/);
  await enter('open sesame');
  await shows(page, '#verdict', /^All is well/);
  await page.reload();
  await shows(page, '#verdict', /^All is well/);
  assert.equal(await page.locator('#token-form').isVisible(), false);
});

test('a daemon that goes away is missed, and found again when it is back', { skip: NEEDS_CHROMIUM }, async (context) => {
  const home = await DaemonHome.create(context);
  const daemon = await home.start();
  const { page } = await open(context, daemon);
  await shows(page, '#verdict', /^All is well/);
  await daemon.stop('SIGKILL');
  await shows(page, '#verdict', /^No connection to the daemon/);
  await shows(page, '#connection', /^Not connected/);
  await home.start();
  await shows(page, '#connection', /^Live/);
  await shows(page, '#verdict', /^All is well/);
});

test('without ClickHouse the page says that events wait, and that releases cannot be shown', { skip: NEEDS_CHROMIUM }, async (context) => {
  const home = await DaemonHome.create(context, { PENSTOCK_CLICKHOUSE__URL: `http://127.0.0.1:${await freePort()}` });
  const daemon = home.launch();
  await daemon.ready(SHOWN_MS_MAX);
  const { page } = await open(context, daemon);
  await shows(page, '#verdict', /events wait in the spool/);
  await shows(page, '#releases-note', /^Not up to date: ClickHouse does not answer/);
  await shows(page, '#release-list', /cannot be shown now/);
  await shows(page, '#deployment-list', /cannot be shown/);
});

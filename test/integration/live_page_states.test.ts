/** The live page where all is not as it should be: no token, no daemon, no ClickHouse. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NEEDS_CHROMIUM } from '../support/chromium.ts';
import { DaemonHome } from '../support/daemon.ts';
import { freePort } from '../support/free_port.ts';
import { openPage, SHOWN_MS_MAX, shows } from '../support/live_page.ts';

test('with a token the page asks for it, refuses a wrong one, and keeps the right one for the session', {
  skip: NEEDS_CHROMIUM,
}, async (context) => {
  const daemon = await (await DaemonHome.create(context, { PENSTOCK_ADMIN__TOKEN: 'open sesame' })).start();
  const { page } = await openPage(context, daemon);
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
  const { page } = await openPage(context, daemon);
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
  const { page } = await openPage(context, daemon);
  await shows(page, '#verdict', /events wait in the spool/);
  await shows(page, '#releases-note', /^Not up to date: ClickHouse does not answer/);
  await shows(page, '#release-list', /cannot be shown now/);
  await shows(page, '#deployment-list', /cannot be shown/);
});

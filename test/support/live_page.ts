/** The live page of a daemon in a real browser, and waiting for what it shows. */
import type { BrowserContextOptions, Page } from 'playwright-core';
import { openBrowser } from './chromium.ts';
import type { Owner, RunningDaemon } from './daemon.ts';
import { until } from './until.ts';

/** An answer of the page is kept for ten times as long as it took, which on a busy machine is more than ten seconds. */
export const SHOWN_MS_MAX = 60_000;

export interface Opened {
  readonly page: Page;
  /** What the browser complained of, and what it asked of anybody but the daemon. */
  readonly complaints: string[];
}

/** Opens the live page of a daemon in a browser of its own. */
export async function openPage(context: Owner, daemon: RunningDaemon, options: BrowserContextOptions = {}): Promise<Opened> {
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
export async function shows(page: Page, selector: string, expected: RegExp): Promise<void> {
  let seen = '';
  await until(`${selector} shows ${expected}`, SHOWN_MS_MAX, async () => {
    seen = (await page.locator(selector).allInnerTexts()).join('\n');
    return expected.test(seen);
  }).catch((error: unknown) => {
    throw new Error(`${String(error)}; it shows: ${seen}`);
  });
}

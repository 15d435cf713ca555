/** A real browser of a test's own: Debian's `chromium`, driven by playwright-core, closed with its owner. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium } from 'playwright-core';
import type { Owner } from './daemon.ts';

const PROGRAM = '/usr/bin/chromium';

/** The reason for which a test may be skipped where no browser can be had. */
export const NEEDS_CHROMIUM: string | false = !existsSync(PROGRAM) && 'no chromium is installed here';

/** What a run leaves behind for a person to look at; git ignores it. */
const ARTIFACTS = fileURLToPath(new URL('../../../artifacts/', import.meta.url));

export function artifact(name: string): string {
  return `${ARTIFACTS}${name}`;
}

export async function openBrowser(owner: Owner): Promise<Browser> {
  // Its sandbox needs a user that is not root, or rights that a container does not give; the pages are our own.
  const browser = await chromium.launch({ executablePath: PROGRAM, args: ['--no-sandbox'] });
  owner.after(() => browser.close());
  return browser;
}

import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type BrowserContext, type BrowserContextOptions, chromium } from 'playwright-core';

/** Paths on Debian, Ubuntu and others. `CHROMIUM` overrides them. */
const PLACES = [
  process.env.CHROMIUM ?? '',
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome-stable',
  '/usr/bin/google-chrome',
];

/** No sandbox, since tests may run as root in a container, and no background network access. */
const ARGUMENTS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** A browser with a temporary profile, which is deleted on close. */
export interface TestBrowser {
  readonly context: BrowserContext;
  close(): Promise<void>;
}

/** Path of the browser; undefined when it is not installed. */
export function chromiumPath(): string | undefined {
  return PLACES.find((place) => place !== '' && existsSync(place));
}

export async function openChromium(options: BrowserContextOptions = {}): Promise<TestBrowser> {
  const executablePath = chromiumPath();
  if (executablePath === undefined)
    throw new Error('there is no Chromium; apt-get install chromium, or set CHROMIUM');
  const profile = await mkdtemp(path.join(tmpdir(), 'logline-chromium-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath,
    args: ARGUMENTS,
    acceptDownloads: true,
    ...options,
  });
  return {
    context,
    async close() {
      await context.close();
      await rm(profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
    },
  };
}

import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Page } from 'playwright-core';
import { freePort } from '../../local/free-port';
import { openChromium, type TestBrowser } from './chromium';
import { cleanUp, type LocalRun, startLocalRun, temporaryFolder } from './local-run';
import { SignInIssuer } from './sign-in-issuer';

/** Viewport and colour scheme of a page. */
export interface Look {
  readonly width: number;
  readonly scheme: 'light' | 'dark';
}

const AXE = path.join(path.dirname(require.resolve('axe-core/package.json')), 'axe.min.js');
/** Console messages about violations of the content security policy. */
const VIOLATION = /Content Security Policy|Trusted ?Type|TrustedHTML|TrustedScript/i;

/** A real ledger and a real browser. */
export class ExplorerWorld {
  readonly browser: TestBrowser;
  /** Faults of pages: policy violations, uncaught errors, dialogs. */
  readonly faults: string[] = [];
  readonly issuer: SignInIssuer;
  readonly #data: string;
  readonly #env: Readonly<Record<string, string>>;
  #run: LocalRun;

  private constructor(
    data: string,
    env: Readonly<Record<string, string>>,
    run: LocalRun,
    browser: TestBrowser,
    issuer: SignInIssuer,
  ) {
    this.#data = data;
    this.#env = env;
    this.issuer = issuer;
    this.#run = run;
    this.browser = browser;
  }

  static async start(): Promise<ExplorerWorld> {
    const data = await temporaryFolder();
    const issuer = await SignInIssuer.start();
    const env = {
      PORT: String(await freePort()),
      LOGLINE_OIDC_ISSUER: issuer.url,
      LOGLINE_OIDC_AUDIENCE: 'logline',
      LOGLINE_OIDC_CLIENT_ID: 'the-page',
    };
    const run = await startLocalRun(data, { env });
    return new ExplorerWorld(data, env, run, await openChromium(), issuer);
  }

  get url(): string {
    return this.#run.url;
  }

  get token(): string {
    return this.#run.token;
  }

  async stopLedger(): Promise<void> {
    await this.#run.stop();
  }

  /** Starts the ledger with the same address and data. */
  async startLedger(): Promise<void> {
    this.#run = await startLocalRun(this.#data, { env: this.#env });
  }

  async close(): Promise<void> {
    await this.browser.close();
    this.issuer.close();
    await this.#run.stop();
    await cleanUp(this.#data);
  }

  /** Appends spans and returns them as stored. */
  async append(...drafts: readonly object[]): Promise<StoredSpan[]> {
    const response = await fetch(`${this.url}/api/spans`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${this.token}` },
      body: JSON.stringify(drafts),
    });
    const body = (await response.json()) as { spans?: StoredSpan[]; span?: StoredSpan };
    if (!response.ok) throw new Error(JSON.stringify(body));
    return body.spans ?? (body.span === undefined ? [] : [body.span]);
  }

  /** Asks for a run of a function in the background. */
  async request(functionId: string): Promise<void> {
    const response = await fetch(`${this.url}/api/execute/${functionId}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${this.token}`, prefer: 'respond-async' },
    });
    if (response.status !== 202) throw new Error(await response.text());
  }

  /** Opens a new tab at an address below /explorer/. */
  async open(address = '', { width, scheme }: Look = { width: 1280, scheme: 'light' }): Promise<Page> {
    const page = await this.newPage();
    await page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' });
    await page.setViewportSize({ width, height: 900 });
    await page.goto(`${this.url}/explorer/${address}#token=${this.token}`);
    return page;
  }

  async newPage(): Promise<Page> {
    const page = await this.browser.context.newPage();
    page.on('console', (message) => {
      if (VIOLATION.test(message.text())) this.faults.push(message.text());
    });
    page.on('pageerror', (error) => this.faults.push(error.message));
    page.on('dialog', (dialog) => {
      this.faults.push(`a dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    return page;
  }
}

export interface StoredSpan {
  readonly id: string;
  readonly seq: number;
  readonly curr_hash: string;
}

/** axe's findings for a page, one line each. */
export async function axeFaults(page: Page): Promise<readonly string[]> {
  await page.evaluate(await readFile(AXE, 'utf8'));
  const found = (await page.evaluate('axe.run(document, { resultTypes: ["violations"] })')) as {
    violations: { id: string; help: string; nodes: { html: string; failureSummary?: string }[] }[];
  };
  return found.violations.flatMap(({ id, nodes }) =>
    nodes
      .slice(0, 3)
      .map(({ html, failureSummary }) => `${id}: ${html.slice(0, 200)} ${failureSummary ?? ''}`),
  );
}

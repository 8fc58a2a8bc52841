import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import type { ExplorerWorld } from '../support/explorer-world';

const ROOT = path.join(__dirname, '..', '..');
const BUILT = path.join(ROOT, 'client', 'dist', 'esm');

/** A page whose script imports the built modules of the package. */
const PAGE = `<!doctype html><meta charset="utf-8"><title>a page of its own</title><script type="module">
  import { LogLine } from './index.js';
  import { verifySpan } from './verify/index.js';
  window.run = async (url, token) => {
    const ledger = new LogLine({ url, token });
    const queue = ledger.queue({ maxSpans: 20 });
    for (let n = 0; n < 50; n += 1) await queue.add({ entity_type: 'from-a-page', who: 'page', this: String(n) });
    await queue.close();
    const seen = [];
    for await (const { span } of ledger.subscribe({ entity_type: 'from-a-page' })) {
      seen.push([span.this, (await verifySpan(span)).ok]);
      if (seen.length === 50) return seen;
    }
  };
</script>`;

export function describeClientPage(world: () => ExplorerWorld): void {
  describe('a page that uses logline-client', () => {
    before(() =>
      promisify(execFile)(
        process.execPath,
        ['--require', './cli/register-typescript.js', 'cli/build-client.ts'],
        { cwd: ROOT },
      ),
    );

    it('queues, follows and verifies with the modules as they were built, without a bundler', async () => {
      const page = await world().newPage();
      await page.route('**/own/**', async (route) => {
        const name = new URL(route.request().url()).pathname.replace('/own/', '');
        const isPage = name === '';
        const body = isPage ? PAGE : await readFile(path.join(BUILT, ...name.split('/')), 'utf8');
        await route.fulfill({ contentType: isPage ? 'text/html' : 'text/javascript', body });
      });
      await page.goto(`${world().url}/own/`);
      await page.waitForFunction('typeof window.run === "function"');
      const { url, token } = world();
      const seen = await page.evaluate(`window.run(${JSON.stringify(url)}, ${JSON.stringify(token)})`);
      assert.deepEqual(
        seen,
        Array.from({ length: 50 }, (_, n) => [String(n), true]),
      );
      await page.close();
    });
  });
}

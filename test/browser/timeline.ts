import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Page } from 'playwright-core';
import type { ExplorerWorld } from '../support/explorer-world';
import { cleanUp, runCommand, temporaryFolder } from '../support/local-run';
import { until } from '../support/until';

const note = (text: string, more: object = {}) => ({
  entity_type: 'note',
  who: 'ana',
  did: 'wrote',
  this: text,
  ...more,
});

/** Texts of the visible rows, from the top. */
export function rowTexts(page: Page): Promise<string[]> {
  return page.locator('.spans .body .row .c-who a').allInnerTexts();
}

export function describeTimeline(world: () => ExplorerWorld): void {
  describe('the timeline', () => {
    it('lists the spans that the token may see, newest first, each verified', async () => {
      await world().append(note('the older one', { duration_ms: 1234 }), note('the newer one'));
      const page = await world().open('?who=ana');
      await page.getByText('the newer one').waitFor();
      const texts = await rowTexts(page);
      assert.ok(texts.indexOf('the newer one') < texts.indexOf('the older one'), texts.join());
      await page.getByText('2 verified').waitFor();
      assert.equal(
        await page.locator('.row', { hasText: 'the older one' }).locator('.c-duration').textContent(),
        '1.2 s',
      );
      await page.close();
    });

    it('keeps every filter in its address, with several values, and applies it after a reload', async () => {
      await world().append(
        note('red', { status: 'red' }),
        note('green', { status: 'green' }),
        note('blue', { status: 'blue' }),
      );
      const page = await world().open();
      for (const value of ['red', 'green']) {
        await page.getByLabel('Filter', { exact: true }).selectOption('status');
        await page.getByLabel('is', { exact: true }).fill(value);
        await page.getByRole('button', { name: 'Add' }).click();
        await page.getByText(`status = ${value}`).waitFor();
      }
      assert.match(page.url(), /status=red&status=green$/);
      await page.reload();
      await page.getByRole('link', { name: 'green' }).waitFor();
      assert.deepEqual((await rowTexts(page)).sort(), ['green', 'red']);
      await page.getByRole('button', { name: 'Remove status = red' }).click();
      await page.waitForURL(/\?status=green$/);
      await page.close();
    });

    it('refuses an address with a filter that it cannot apply, and shows no span for it', async () => {
      const page = await world().open('?colour=red&visibility=secret');
      await page.getByRole('alert').getByText('colour: there is no such filter').waitFor();
      await page.getByText('visibility: is private, tenant or public').waitFor();
      assert.deepEqual(await rowTexts(page), []);
      await page.close();
    });

    it('goes from row to row and into a span by the keyboard alone', async () => {
      await world().append(...['k1', 'k2', 'k3'].map((text) => note(text, { status: 'keyed' })));
      const page = await world().open('?status=keyed');
      await page.getByRole('link', { name: 'k3' }).waitFor();
      for (let presses = 0; presses < 40; presses += 1) {
        await page.keyboard.press('Tab');
        if ((await page.evaluate('document.activeElement.textContent')) === 'k3') break;
      }
      await page.keyboard.press('ArrowDown');
      await page.keyboard.press('ArrowDown');
      assert.equal(await page.evaluate('document.activeElement.textContent'), 'k1');
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { level: 1, name: /k1/ }).waitFor();
      await page.close();
    });

    it('draws a small part of thousands of rows, and scrolls through them', async () => {
      for (let batch = 0; batch < 2; batch += 1)
        await world().append(
          ...Array.from({ length: 1000 }, (_, index) =>
            note(`many ${batch * 1000 + index}`, { status: 'many' }),
          ),
        );
      const page = await world().open('?status=many');
      await page.getByRole('link', { name: 'many 1999' }).waitFor();
      const loaded = () => page.locator('[role=table]').getAttribute('aria-rowcount').then(Number);
      while ((await loaded()) < 700) {
        const before = await loaded();
        await page.evaluate('window.scrollTo(0, document.documentElement.scrollHeight)');
        await until('more rows are loaded', async () => (await loaded()) > before);
      }
      assert.ok((await page.locator('.spans .body .row').count()) < 80);
      await page.close();
    });

    it('stands where it stood when its reader comes back from a span, whatever arrived meanwhile', async () => {
      await world().append(
        ...Array.from({ length: 90 }, (_, index) => note(`left ${index}`, { status: 'left' })),
      );
      const page = await world().open('?status=left');
      await page.getByText('live', { exact: true }).waitFor();
      await page.getByText('90 verified').waitFor();
      const topOf = (text: string): Promise<unknown> =>
        page.evaluate(
          `[...document.querySelectorAll('.spans a')].find((link) => link.textContent === '${text}')?.getBoundingClientRect().top`,
        );
      // The page finds the place, not the browser alone.
      await page.evaluate("history.scrollRestoration = 'manual'");
      await page.evaluate('scrollTo(0, 1200)');
      const link = page.getByRole('link', { name: 'left 50', exact: true });
      await link.waitFor();
      const before = await topOf('left 50');
      await link.click();
      await page.getByRole('heading', { level: 1, name: /left 50/ }).waitFor();
      await world().append(note('arrived', { status: 'left' }));
      await page.goBack();
      await page.getByRole('button', { name: '1 new' }).waitFor();
      assert.equal(await topOf('left 50'), before);
      await page.close();
    });

    it('opens the span of an id, and says when a text is none', async () => {
      const [span] = await world().append(note('found by its id'));
      const page = await world().open('?status=nothing');
      await page.getByLabel('Filter', { exact: true }).selectOption('id');
      await page.getByLabel('is', { exact: true }).fill('no id');
      await page.keyboard.press('Enter');
      await page.getByRole('alert').getByText('id: “no id” is no UUID').waitFor();
      await page.getByLabel('is', { exact: true }).fill(` ${span?.id.toUpperCase()} `);
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { level: 1, name: /found by its id/ }).waitFor();
      await page.close();
    });

    it('exports the filtered spans as a file for verify, and as CSV without formulas', async () => {
      await world().append(
        note('=1+1', { status: 'out' }),
        note('plain', { status: 'out', metadata: { a: '"quoted"' } }),
      );
      const page = await world().open('?status=out');
      await page.getByText('2 verified').waitFor();
      const folder = await temporaryFolder();
      const saved = async (button: string): Promise<string> => {
        const [download] = await Promise.all([
          page.waitForEvent('download'),
          page.getByRole('button', { name: button }).click(),
        ]);
        const file = path.join(folder, download.suggestedFilename());
        await download.saveAs(file);
        return file;
      };
      const ndjson = await saved('Export NDJSON');
      const good = await runCommand(['verify', '--file', ndjson]);
      assert.equal(good.code, 0, good.stderr);
      assert.match(good.stdout, /2 spans/);
      await writeFile(ndjson, (await readFile(ndjson, 'utf8')).replace('plain', 'other'));
      assert.notEqual((await runCommand(['verify', '--file', ndjson])).code, 0);
      const csv = await readFile(await saved('Export CSV'), 'utf8');
      assert.match(csv, /,'=1\+1,/);
      assert.match(csv, /"\{""a"":""\\""quoted\\""""\}"/);
      assert.equal(csv.trimEnd().split('\r\n').length, 3);
      await page.close();
      await cleanUp(folder);
    });

    it('tells how far an export is, and stops it when asked to', async () => {
      await world().append(
        ...Array.from({ length: 501 }, (_, index) => note(`out ${index}`, { status: 'halted' })),
      );
      const page = await world().open('?status=halted');
      await page.getByText('100 verified').waitFor();
      // The second page of the export never comes.
      await page.route(/limit=500.*cursor=/, () => undefined);
      await page.getByRole('button', { name: 'Export NDJSON' }).click();
      await page.getByText(/^500 spans, \d+\.\d KiB…$/).waitFor();
      await page.getByRole('button', { name: 'Stop' }).click();
      await page.getByText('Stopped.').waitFor();
      await page.getByRole('button', { name: 'Export NDJSON' }).waitFor();
      await page.close();
    });

    it('saves filters under a name', async () => {
      const page = await world().open('?status=out');
      await page.getByText('Saved filters').click();
      await page.getByLabel('Name').fill('going out');
      await page.getByRole('button', { name: 'Save' }).click();
      await page.goto(`${world().url}/explorer/`);
      await page.getByText('Saved filters').click();
      await page.getByRole('link', { name: 'going out' }).click();
      await page.waitForURL(/\?status=out$/);
      await page.close();
    });
  });
}

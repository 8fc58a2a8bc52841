import assert from 'node:assert/strict';
import type { Page } from 'playwright-core';
import { axeFaults, type ExplorerWorld, type Look } from '../support/explorer-world';
import { until } from '../support/until';

const LOOKS: readonly Look[] = [
  { width: 1920, scheme: 'dark' },
  { width: 360, scheme: 'light' },
];

/** Limit of tab stops, above that of any page here. */
const MAX_STOPS = 150;

/** The focused element, and how its focus is shown. */
interface Stop {
  readonly what: string;
  /** Position in the document among all elements; -1 outside of it. */
  readonly place: number;
  readonly isInView: boolean;
  readonly isMarked: boolean;
}

const STOP = `(() => {
  const at = document.activeElement;
  if (at === null || at === document.body) return { what: 'nothing', place: -1, isInView: true, isMarked: true };
  const { top, bottom, height, width } = at.getBoundingClientRect();
  const outlines = [undefined, '::after'].map((part) => getComputedStyle(at, part).outlineStyle);
  return {
    what: at.outerHTML.slice(0, 120),
    place: [...document.querySelectorAll('*')].indexOf(at),
    isInView: height > 0 && width > 0 && bottom > 0 && top < window.innerHeight,
    // A part of a date has no style that a script could ask for.
    isMarked: at.type === 'datetime-local' || outlines.some((style) => style !== 'none'),
  };
})()`;

/** Tabs through a page until the focus leaves it. */
async function stopsOf(page: Page): Promise<readonly Stop[]> {
  const stops: Stop[] = [];
  for (let presses = 0; presses < MAX_STOPS; presses += 1) {
    await page.keyboard.press('Tab');
    const stop = (await page.evaluate(STOP)) as Stop;
    if (stop.place === -1) return stops;
    if (stops.at(-1)?.place !== stop.place) stops.push(stop);
  }
  throw new Error(`Tab does not leave the page; last ${stops.at(-1)?.what}`);
}

interface Spoken {
  readonly role: string;
  readonly name: string;
  readonly live: string;
}

/** The accessibility tree of a page. */
async function spokenOf(page: Page): Promise<readonly Spoken[]> {
  const session = await page.context().newCDPSession(page);
  const { nodes } = await session.send('Accessibility.getFullAXTree');
  await session.detach();
  return nodes
    .filter(({ ignored }) => !ignored)
    .map(({ role, name, properties }) => ({
      role: String(role?.value),
      name: String(name?.value ?? '').trim(),
      live: String(properties?.find((property) => property.name === 'live')?.value.value ?? 'off'),
    }));
}

const NAMED = new Set([
  'button',
  'checkbox',
  'combobox',
  'dialog',
  'DisclosureTriangle',
  'DateTime',
  'form',
  'heading',
  'image',
  'link',
  'meter',
  'navigation',
  'region',
  'row',
  'table',
  'textbox',
]);
/** A form that a heading or the page around it names, and what a table's rows say by their cells, need no name. */
const UNNAMED = new Set(['form', 'row']);

export function describeKeyboard(world: () => ExplorerWorld): void {
  describe('without a mouse, or eyes', () => {
    let pages: readonly string[] = [];

    before(async () => {
      const [fn] = await world().append({
        entity_type: 'function',
        who: 'ana',
        this: 'says its input',
        name: 'echo',
        status: 'active',
        code: 'function main(ctx, input) { return input; }',
      });
      const spans = await world().append(
        ...['one', 'two', 'three'].map((text) => ({ entity_type: 'walked', who: 'ana', this: text })),
      );
      await world().append({
        id: spans[0]?.id,
        seq: 1,
        prev_hash: spans[0]?.curr_hash,
        entity_type: 'walked',
        who: 'bob',
        this: 'one',
      });
      pages = [
        '?entity_type=walked',
        `spans/${spans[0]?.id}`,
        'functions',
        `functions/${fn?.id}`,
        'requests',
        'policies',
        'status',
      ];
    });

    const opened = async (address: string, look?: Look): Promise<Page> => {
      const page = await world().open(address, look);
      await page.locator('h1').first().waitFor({ state: 'attached' });
      await page.getByText('You see what dev@dev sees').waitFor();
      await until('it is all there', () =>
        page
          .evaluate(`document.querySelector('.loading, .check[title="being checked"]') === null`)
          .then(Boolean),
      );
      return page;
    };

    for (const look of LOOKS) {
      it(`every control of every page is reached by Tab, in order, in view and marked, and left again, at ${look.width} px, ${look.scheme}`, async () => {
        for (const address of pages) {
          const page = await opened(address, look);
          const stops = await stopsOf(page);
          assert.match(stops[0]?.what ?? '', /class="skip"/, address);
          const places = stops.map(({ place }) => place);
          assert.deepEqual(
            places,
            [...places].sort((one, other) => one - other),
            `the order on ${address}`,
          );
          for (const { what, isInView, isMarked } of stops)
            assert.ok(
              isInView && isMarked,
              `${address}: ${what} is ${isInView ? 'not marked' : 'out of view'}`,
            );
          const reachable = Number(
            await page.evaluate(
              `[...document.querySelectorAll('a[href], button:not(:disabled), input, select, textarea, summary, pre[tabindex]')].filter((one) => one.checkVisibility()).length`,
            ),
          );
          assert.equal(
            stops.length,
            reachable,
            `stops on ${address}: ${stops.map(({ what }) => what).join('\n')}`,
          );
          await page.close();
        }
      });
    }

    it('every page has its landmarks and one first heading, and every control a name', async () => {
      for (const address of pages) {
        const page = await opened(address);
        const spoken = await spokenOf(page);
        const count = (role: string): number => spoken.filter((one) => one.role === role).length;
        assert.deepEqual([count('banner'), count('main'), count('navigation')], [1, 1, 1], address);
        assert.equal(await page.locator('h1').count(), 1, address);
        const nameless = spoken.filter(
          ({ role, name }) => NAMED.has(role) && !UNNAMED.has(role) && name === '',
        );
        assert.deepEqual(nameless, [], address);
        await page.close();
      }
    });

    it('the skip link leads into the page, and a link within it moves the keyboard there', async () => {
      const page = await opened('?entity_type=walked');
      await page.keyboard.press('Tab');
      await page.keyboard.press('Enter');
      assert.equal(await page.evaluate('document.activeElement.id'), 'main');
      await page.getByRole('link', { name: 'Status' }).focus();
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { level: 1, name: 'Status' }).waitFor();
      assert.equal(await page.evaluate('document.activeElement.id'), 'main');
      await page.close();
    });

    it('a dialog traps the focus, closes with Escape, and returns the focus', async () => {
      const page = await opened('status');
      await page.getByRole('button', { name: 'Change' }).focus();
      await page.keyboard.press('Enter');
      await page.getByRole('dialog').waitFor();
      assert.equal(await page.evaluate('document.activeElement.id'), 'token');
      await page.keyboard.press('Escape');
      await page.getByRole('dialog').waitFor({ state: 'detached' });
      assert.equal(await page.evaluate('document.activeElement.textContent'), 'Change');
      await page.close();
    });

    it('a button and ? show the keys and return the focus; ? does nothing in a text field', async () => {
      const page = await opened('?entity_type=walked');
      const help = page.getByRole('dialog', { name: 'Keyboard' });
      const focused = (): Promise<unknown> => page.evaluate('document.activeElement.textContent');
      await page.getByRole('button', { name: 'Keys' }).focus();
      await page.keyboard.press('Enter');
      await help.getByText('to the first and the last of them').waitFor();
      assert.equal(await focused(), 'Close');
      await page.keyboard.press('Enter');
      await help.waitFor({ state: 'detached' });
      assert.equal(await focused(), 'Keys');
      await page.getByRole('link', { name: 'three' }).focus();
      await page.keyboard.press('?');
      await help.waitFor();
      assert.deepEqual(await axeFaults(page), []);
      await page.keyboard.press('Escape');
      await help.waitFor({ state: 'detached' });
      assert.equal(await focused(), 'three');
      await page.getByLabel('is', { exact: true }).focus();
      await page.keyboard.type('?');
      assert.equal(await page.getByLabel('is', { exact: true }).inputValue(), '?');
      assert.equal(await help.count(), 0);
      await page.close();
    });

    it('the state of the tail and how much is new are said by a live region', async () => {
      const page = await opened('?entity_type=walked-live');
      await page.getByText('live', { exact: true }).waitFor();
      const said = (): Promise<string | null> =>
        page.locator('.controls [role=status]').first().textContent();
      assert.equal(await said(), 'live');
      assert.ok((await spokenOf(page)).some(({ role, live }) => role === 'status' && live === 'polite'));
      await page.getByRole('button', { name: 'Pause' }).focus();
      await page.keyboard.press('Enter');
      await world().append({ entity_type: 'walked-live', who: 'ana', this: 'held back' });
      await page.getByRole('button', { name: '1 new' }).waitFor();
      await until('it is said', async () => (await said()) === 'paused, new spans wait');
      await page.close();
    });
  });
}

import assert from 'node:assert/strict';
import type { ExplorerWorld } from '../support/explorer-world';
import { rowTexts } from './timeline';

/** A span of one test, so that none sees what another appended. */
const spoken = (test: string, text: string, who = 'ana') => ({
  entity_type: `spoken-${test}`,
  who,
  did: 'said',
  this: text,
});

export function describeTail(world: () => ExplorerWorld): void {
  describe('the live tail', () => {
    it('shows new spans, holds them back while paused, and counts them', async () => {
      const page = await world().open('?entity_type=spoken-held');
      await page.getByText('live', { exact: true }).waitFor();
      await world().append(spoken('held', 'first'));
      await page.getByRole('link', { name: 'first' }).waitFor();
      await page.getByRole('button', { name: 'Pause' }).click();
      await world().append(spoken('held', 'second'), spoken('held', 'third'));
      await page.getByRole('button', { name: '2 new' }).waitFor();
      assert.deepEqual(await rowTexts(page), ['first']);
      await page.getByRole('button', { name: '2 new' }).click();
      await page.getByRole('link', { name: 'third' }).waitFor();
      assert.equal((await rowTexts(page)).length, 3);
      await page.close();
    });

    it('shows only spans that match the filter', async () => {
      const page = await world().open('?entity_type=spoken-filtered&who=bob');
      await page.getByText('live', { exact: true }).waitFor();
      await world().append(spoken('filtered', 'by ana'), spoken('filtered', 'by bob', 'bob'));
      await page.getByRole('link', { name: 'by bob' }).waitFor();
      assert.deepEqual(await rowTexts(page), ['by bob']);
      await page.close();
    });

    it('shows that the ledger is unreachable, and resumes where it stopped when it is back', async () => {
      await world().append(spoken('restarted', 'before the restart'));
      const page = await world().open('?entity_type=spoken-restarted');
      await page.getByText('live', { exact: true }).waitFor();
      await page.getByText('1 verified').waitFor();
      const top = () => page.evaluate("document.querySelector('.spans .body').getBoundingClientRect().top");
      const topBefore = await top();
      await world().stopLedger();
      await page.getByText('The ledger does not answer. What you see').waitFor();
      assert.equal(await top(), topBefore, 'nothing moves');
      await world().startLedger();
      await world().append(spoken('restarted', 'after the restart'));
      await page.getByRole('link', { name: 'after the restart' }).waitFor();
      await page.getByText('live', { exact: true }).waitFor();
      assert.deepEqual(await rowTexts(page), ['after the restart', 'before the restart']);
      await page.close();
    });
  });
}

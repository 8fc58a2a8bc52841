import assert from 'node:assert/strict';
import type { ExplorerWorld } from '../support/explorer-world';

/** Arrays within arrays: a span has 128 levels, of which metadata begins at the second. */
function nested(levels: number): unknown {
  return levels === 0 ? 'the bottom' : [nested(levels - 1)];
}

export function describeHostileContent(world: () => ExplorerWorld): void {
  describe('content of others', () => {
    it('is text: markup, script addresses and formulas do nothing, in the list and on their page', async () => {
      const attack = '<img src=x onerror=alert(1)><script>alert(2)</script><svg onload=alert(3)>';
      const [span] = await world().append({
        entity_type: attack.slice(0, 60),
        who: 'javascript:alert(4)',
        did: '"><iframe srcdoc="<script>alert(5)</script>">',
        this: attack,
        name: '{{constructor.constructor("alert(6)")()}}',
        status: 'hostile',
        code: '</pre><script>alert(7)</script>',
        metadata: { schedule: 'javascript:alert(8)', html: attack },
      });
      const page = await world().open('?status=hostile');
      await page.getByText('<img src=x').first().waitFor();
      assert.equal(await page.locator('#app :is(img, iframe, script, svg)').count(), 0);
      await page.goto(`${world().url}/explorer/spans/${span?.id}`);
      await page.getByText('</pre><script>alert(7)</script>').first().waitFor();
      assert.equal(await page.locator('#app :is(img, iframe, script, svg)').count(), 0);
      assert.equal(await page.locator('a[href^="javascript"]').count(), 0);
      await page.close();
    });

    it('cannot turn the direction of the text around it, nor hide in it', async () => {
      await world().append({
        entity_type: 'note',
        who: 'eve\u202e',
        this: 'gpj.\u2066exe\u200b',
        status: 'bidi',
      });
      const page = await world().open('?status=bidi');
      await page.getByText('gpj.⟨U+2066⟩exe⟨U+200B⟩').waitFor();
      await page.getByText('eve⟨U+202E⟩').waitFor();
      await page.close();
    });

    it('may be a megabyte long or 128 levels deep', async () => {
      const [long, deep] = await world().append(
        {
          entity_type: 'note',
          who: 'ana',
          this: 'long',
          status: 'large',
          metadata: { text: 'x'.repeat(1_000_000) },
        },
        { entity_type: 'note', who: 'ana', this: 'deep', status: 'large', metadata: { list: nested(126) } },
      );
      const page = await world().open('?status=large');
      await page.getByText('2 verified').waitFor();
      await page.goto(`${world().url}/explorer/spans/${long?.id}`);
      await page
        .getByRole('button', { name: /^Show all 976/ })
        .first()
        .waitFor();
      await page.goto(`${world().url}/explorer/spans/${deep?.id}`);
      await page.getByText('the bottom').first().waitFor();
      await page.getByText('Verified in this browser').waitFor();
      await page.close();
    });
  });
}

import assert from 'node:assert/strict';
import type { Route } from 'playwright-core';
import { clientSpan } from '../support/client-span';
import type { ExplorerWorld } from '../support/explorer-world';

interface Listing {
  readonly spans: Record<string, unknown>[];
}

export function describeVerification(world: () => ExplorerWorld): void {
  describe('verification', () => {
    const mine = { owner_id: 'dev', tenant_id: 'dev', entity_type: 'checked', at: new Date().toISOString() };

    it('shows a good span, one under another key and a tampered one differently, by shape, colour and word', async () => {
      await world().append({ entity_type: 'checked', who: 'ana', this: 'good' });
      await world().append({ entity_type: 'checked', who: 'ana', this: 'to be changed on its way' });
      const stranger = clientSpan({ ...mine, this: "under the attacker's own key" });
      await world().append(stranger);
      const page = await world().open('status');
      await page.route('**/api/timeline?*', async (route: Route) => {
        const response = await route.fetch();
        const body = (await response.json()) as Listing;
        for (const span of body.spans) if (span.this === 'to be changed on its way') span.this = 'changed';
        await route.fulfill({ response, json: body });
      });
      await page.getByRole('link', { name: 'Timeline' }).click();
      await page.goto(`${world().url}/explorer/?entity_type=checked`);
      const row = (text: string) => page.locator('.spans .body .row', { hasText: text });
      await row('good').getByText('✓ verified').waitFor();
      await row("attacker's own key")
        .getByText(`◆ key ${String(stranger.public_key).slice(0, 8)}`)
        .waitFor();
      await row('changed').getByText('✕ hash').waitFor();
      const colours = await page.evaluate(
        "[...document.querySelectorAll('.spans .check')].map((badge) => getComputedStyle(badge).color)",
      );
      assert.equal(new Set(colours as string[]).size, 3, String(colours));
      await page.getByText('1 faulty').waitFor();
      await page.close();
    });

    it('does not show a span as verified whose key was not valid at its timestamp', async () => {
      const [span] = await world().append({
        entity_type: 'backdated',
        who: 'ana',
        this: 'signed long ago',
        at: '2001-01-01T00:00:00.000Z',
      });
      const page = await world().open('?entity_type=backdated');
      await page.locator('.spans .body .row').getByText('◆ before its key').waitFor();
      await page.goto(`${world().url}/explorer/spans/${span?.id}`);
      await page.getByText('Signed by a key that was not valid at its time').waitFor();
      await page.close();
    });

    it('shows the key or the fault in full on the page of a span', async () => {
      const stranger = clientSpan({ ...mine, this: 'shown in full' });
      await world().append(stranger);
      const page = await world().open(`spans/${stranger.id}`);
      await page.getByText('Valid under another key').waitFor();
      assert.ok((await page.locator('.verdict').textContent())?.includes(String(stranger.public_key)));
      await page.route('**/api/spans/*', async (route: Route) => {
        const response = await route.fetch();
        const text = (await response.text()).replaceAll('"deep":"text"', '"deep":"test"');
        await route.fulfill({ response, body: text });
      });
      await page.reload();
      await page.getByRole('alert').getByText('Faulty: hash').waitFor();
      await page.close();
    });
  });
}

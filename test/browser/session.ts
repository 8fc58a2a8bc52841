import assert from 'node:assert/strict';
import { mintToken } from '../../runtime/auth';
import { generateSigningKey } from '../../runtime/crypto';
import type { ExplorerWorld } from '../support/explorer-world';

export function describeSession(world: () => ExplorerWorld): void {
  describe('the session', () => {
    it('removes the token from the address at once, keeps it in this tab only, and shows its identity', async () => {
      const page = await world().open('?who=ana');
      await page.getByText('You see what dev@dev sees').waitFor();
      assert.equal(page.url(), `${world().url}/explorer/?who=ana`);
      await page.reload();
      await page.getByText('You see what dev@dev sees').waitFor();
      const other = await world().newPage();
      await other.goto(`${world().url}/explorer/`);
      await other.getByText('You see public spans only').waitFor();
      await other.close();
      await page.close();
    });

    it('asks before a link replaces the current identity', async () => {
      const page = await world().open();
      const stranger = await mintToken(generateSigningKey(), {
        sub: 'eve',
        tenant: 'evil',
        scope: ['timeline:read'],
        ttlSeconds: 60,
      });
      await page.goto(`${world().url}/explorer/#token=${stranger}`);
      await page.getByRole('dialog').getByText('eve@evil').waitFor();
      assert.equal(page.url(), `${world().url}/explorer/`);
      await page.getByRole('button', { name: 'Stay as I am' }).click();
      await page.getByText('You see what dev@dev sees').waitFor();
      await page.close();
    });

    it('asks for a token when the ledger refuses the current one', async () => {
      const bad = await mintToken(generateSigningKey(), {
        sub: 'eve',
        tenant: 'evil',
        scope: ['timeline:read'],
        ttlSeconds: 60,
      });
      const page = await world().newPage();
      await page.goto(`${world().url}/explorer/#token=${bad}`);
      await page.getByRole('heading', { name: 'Your token is not valid any more' }).waitFor();
      await page.getByRole('textbox', { name: 'Token' }).fill(world().token);
      await page.getByRole('button', { name: 'Use this token' }).click();
      await page.getByText('You see what dev@dev sees').waitFor();
      await page.close();
    });

    it('signs in at the configured issuer by PKCE, and returns to the same page', async () => {
      world().issuer.accessToken = world().token;
      const page = await world().newPage();
      await page.goto(`${world().url}/explorer/?who=ana`);
      await page.getByRole('button', { name: 'Use a token' }).click();
      await page.getByRole('button', { name: /^Sign in at 127/ }).click();
      await page.getByText('You see what dev@dev sees').waitFor();
      assert.equal(page.url(), `${world().url}/explorer/?who=ana`);
      await page.close();
    });

    it('refuses an unsolicited code', async () => {
      const page = await world().newPage();
      await page.goto(`${world().url}/explorer/?code=stolen&state=guessed`);
      await page
        .getByRole('heading', { name: 'Signing in did not work; try again, or use a token' })
        .waitFor();
      assert.equal(page.url(), `${world().url}/explorer/`);
      await page.getByText('You see public spans only').waitFor();
      await page.close();
    });
  });
}

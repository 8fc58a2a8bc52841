import assert from 'node:assert/strict';
import path from 'node:path';
import { clientSpan } from '../support/client-span';
import { axeFaults, type ExplorerWorld, type Look } from '../support/explorer-world';
import { until } from '../support/until';

const LOOKS: readonly Look[] = [
  { width: 1920, scheme: 'light' },
  { width: 360, scheme: 'dark' },
];
const ADD =
  'function main(ctx, input) {\n  if (input.a > 3) throw new Error("too big");\n  return input.a + input.b;\n}';
const DOCS = path.resolve(__dirname, '..', '..', 'docs');

export function describePages(world: () => ExplorerWorld): void {
  describe('the pages', () => {
    let functionId = '';
    let invoiceId = '';

    before(async () => {
      const [fn] = await world().append({
        entity_type: 'function',
        who: 'ana',
        this: 'adds two numbers',
        name: 'add',
        status: 'active',
        visibility: 'tenant',
        code: ADD,
        metadata: { schedule: 'rate(5 minutes)' },
      });
      functionId = fn?.id ?? '';
      await world().append({
        entity_type: 'policy',
        who: 'ana',
        this: 'large invoices',
        name: 'large_invoices',
        status: 'active',
        code: 'function on(span) { return null; }',
      });
      const [first] = await world().append({
        entity_type: 'invoice',
        who: 'ana',
        did: 'sent',
        this: 'invoice 42',
        status: 'open',
        trace_id: 'trace-42',
        metadata: { total: 120, lines: [{ amount: 120 }] },
      });
      invoiceId = first?.id ?? '';
      await world().append({
        id: invoiceId,
        seq: 1,
        prev_hash: first?.curr_hash,
        entity_type: 'invoice',
        who: 'bob',
        did: 'paid',
        this: 'invoice 42',
        status: 'paid',
        trace_id: 'trace-42',
        metadata: { total: 120, lines: [{ amount: 100 }, { amount: 20 }] },
      });
      await world().append({
        entity_type: 'receipt',
        who: 'bob',
        this: 'receipt',
        parent_id: invoiceId,
        related_to: [invoiceId],
        trace_id: 'trace-42',
      });
    });

    it('of a span shows all versions, their differences, and related spans', async () => {
      const page = await world().open(`spans/${invoiceId}`);
      await page.getByRole('heading', { level: 1, name: 'bob paid invoice 42' }).waitFor();
      await page.getByText('Follows version 0').waitFor();
      const changes = await page.locator('tr.diff').allInnerTexts();
      assert.deepEqual(changes.map((text) => text.split('\t')[0]).sort(), [
        '/did',
        '/metadata/lines/0/amount',
        '/metadata/lines/1',
        '/status',
        '/who',
      ]);
      await page.getByRole('heading', { name: 'Its children' }).waitFor();
      await page.getByRole('heading', { name: 'Spans that name it in related_to' }).waitFor();
      await page.getByRole('heading', { name: 'Trace trace-42' }).waitFor();
      await page.getByRole('row', { name: /^0 / }).getByRole('link').click();
      await page.getByRole('heading', { level: 1, name: 'ana sent invoice 42' }).waitFor();
      assert.match(page.url(), /\?seq=0$/);
      await page.close();
    });

    it('of functions runs one with an input, and shows the outcomes of its runs', async () => {
      // Without a schedule, so that nothing but this test runs it.
      await world().append({
        entity_type: 'function',
        who: 'ana',
        this: 'adds two numbers when asked to',
        name: 'add_on_demand',
        status: 'active',
        code: ADD,
      });
      const page = await world().open('functions');
      await page.getByRole('link', { name: 'add_on_demand', exact: true }).click();
      for (const [input, shown] of [
        ['{"a":1,"b":41}', '42'],
        ['{"a":9,"b":1}', 'too big'],
      ] as const) {
        await page.getByLabel('Input, as JSON').fill(input);
        await page.getByRole('button', { name: 'Run', exact: true }).click();
        await page.locator('main').getByText(shown).first().waitFor();
      }
      await page.getByText('50% of the last 2 runs succeeded').waitFor();
      await page.locator('.plot canvas').waitFor();
      await page.getByLabel('in the background').check();
      await page.getByRole('button', { name: 'Run', exact: true }).click();
      await page.getByRole('link', { name: 'The request' }).click();
      await page.getByText('entity_type').first().waitFor();
      await page.close();
    });

    it('of requests, policies and status show their content', async () => {
      await world().request(functionId);
      const page = await world().open('requests');
      await page.getByRole('table', { name: 'Requests' }).getByRole('row').nth(1).waitFor();
      await page.getByRole('link', { name: 'Policies' }).click();
      await page.getByRole('heading', { name: /large_invoices/ }).waitFor();
      await page.getByText('Code, reactions and errors').click();
      await page.getByText('function on(span)').waitFor();
      await page.getByRole('link', { name: 'Status' }).click();
      await page.getByText('The database answers').waitFor();
      await page.getByText(/runs on/).waitFor();
      await page.getByRole('cell', { name: 'in use' }).first().waitFor();
      await page.close();
    });

    for (const look of LOOKS) {
      it(`have nothing for axe to find and fit a window of ${look.width} px, ${look.scheme}`, async () => {
        for (const address of [
          '',
          `spans/${invoiceId}`,
          'functions',
          `functions/${functionId}`,
          'requests',
          'policies',
          'status',
          'spans/00000000-0000-4000-8000-000000000000',
          `spans/${invoiceId}?seq=7`,
          'functions/00000000-0000-4000-8000-000000000000',
        ]) {
          const page = await world().open(address, look);
          await page.locator('h1').first().waitFor({ state: 'attached' });
          await page.waitForLoadState('load');
          await until('it is all there', () =>
            page
              .evaluate('document.querySelector(\'.loading, .check[title="being checked"]\') === null')
              .then(Boolean),
          );
          assert.deepEqual(await axeFaults(page), [], address);
          const width = Number(await page.evaluate('document.documentElement.scrollWidth'));
          assert.ok(width <= look.width, `${address} is ${width} px wide`);
          const [header, main] = (await page.evaluate(
            "['.brand', 'main > *'].map((one) => document.querySelector(one).getBoundingClientRect().left)",
          )) as [number, number];
          assert.ok(
            Math.abs(header - main) <= 1,
            `${address}: header and page begin at ${header} and ${main} px`,
          );
          await page.close();
        }
      });
    }

    it('are drawn for the README when LOGLINE_SCREENSHOTS is set', async function () {
      if (process.env.LOGLINE_SCREENSHOTS === undefined) this.skip();
      const story = { entity_type: 'delivery', who: 'depot', status: 'on its way' };
      await world().append(
        { ...story, did: 'loaded', this: 'pallet 17', duration_ms: 840 },
        { ...story, did: 'sealed', this: 'container 4', status: 'sealed', duration_ms: 121_000 },
        { ...story, who: 'carrier', did: 'signed for', this: 'container 4', duration_ms: 2_300 },
        { ...story, who: 'customs', did: 'weighed', this: 'container 4', status: 'error', duration_ms: 64 },
        { ...story, who: 'customs', did: 'weighed', this: 'container 4, 18,200 kg', duration_ms: 61 },
      );
      const at = new Date().toISOString();
      await world().append(
        clientSpan({
          ...story,
          at,
          owner_id: 'dev',
          tenant_id: 'dev',
          who: 'carrier',
          did: 'signed',
          this: 'waybill 9001',
        }),
      );
      for (const scheme of ['light', 'dark'] as const) {
        const page = await world().newPage();
        await page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' });
        await page.setViewportSize({ width: 1120, height: 560 });
        await page.route('**/api/timeline?*', async (route) => {
          const response = await route.fetch();
          await route.fulfill({ response, body: (await response.text()).replace('18,200 kg', '12,800 kg') });
        });
        await page.goto(`${world().url}/explorer/#token=${world().token}`);
        await page.getByText('1 faulty').waitFor();
        await page.screenshot({ path: path.join(DOCS, `explorer-${scheme}.png`) });
        await page.close();
      }
    });
  });
}

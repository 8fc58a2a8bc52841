import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { LedgerComparison } from '../../../cli/import/ledger-comparison';
import { LedgerApi } from '../../../cli/ledger-api';
import type { SignedSpan } from '../../../runtime/base/span';

const ID = '01900000-0000-7000-8000-000000000001';

/** Serves the versions of one entity, newest pages first, two a page. */
async function startLedger(newest: number) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '', 'http://ledger');
    asked.push(url.search);
    const last = Number(url.searchParams.get('cursor') ?? newest);
    const seqs = [last - 1, last].filter((seq) => seq >= 0);
    const versions = seqs.map((seq) => ({ id: ID, seq, curr_hash: `hash ${seq}` }));
    const next_cursor = last - 2 >= 0 ? String(last - 2) : null;
    response.setHeader('content-type', 'application/json');
    response.end(
      JSON.stringify({ span: { id: ID, seq: newest, curr_hash: `hash ${newest}` }, versions, next_cursor }),
    );
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  return { url: `http://127.0.0.1:${address.port}`, asked, close: () => server.close() };
}

describe('comparing an import with a ledger', () => {
  it('finds every version of an entity, however many pages behind the newest', async () => {
    const ledger = await startLedger(6);
    try {
      const client = new LedgerApi(ledger.url, 'token');
      const target = { client, token: 'token', isLocal: false, mint: async () => undefined };
      const spanOf = (seq: number) => ({ id: ID, seq }) as SignedSpan;
      const views = await new LedgerComparison(target, true).look([spanOf(5), spanOf(2), spanOf(7)]);
      assert.deepEqual(views, [
        { same: 'hash 5', before: 'hash 4' },
        { same: 'hash 2', before: 'hash 1' },
        { same: undefined, before: 'hash 6' },
      ]);
      assert.deepEqual(ledger.asked, ['', '?cursor=4', '?cursor=2']);
    } finally {
      ledger.close();
    }
  });
});

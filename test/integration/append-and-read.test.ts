import assert from 'node:assert/strict';
import { verifySpan } from '../../runtime/ledger/span-signature';
import { createTestStage0, type TestStage0 } from '../support/test-stage0';

describe('append and read', () => {
  let stage0: TestStage0;
  before(async () => {
    stage0 = await createTestStage0();
  });
  after(() => stage0.close());

  it('a posted span is returned signed, and verifies from its JSON alone', async () => {
    const token = await stage0.token('alice', 'acme');
    const posted = await stage0.call('/api/spans', {
      token,
      body: {
        entity_type: 'note',
        who: 'alice',
        this: 'hello',
        metadata: { nested: { deep: [1, null, 'ü'] } },
      },
    });
    assert.equal(posted.status, 201, JSON.stringify(posted.body));
    const read = await stage0.call(`/api/spans/${posted.body.span.id}`, { token });
    assert.equal(read.status, 200);
    assert.deepEqual(read.body.span, posted.body.span);
    assert.deepEqual(verifySpan(read.body.span, { trustedKeys: new Set([stage0.key.publicKeyHex]) }), {
      ok: true,
    });
  });

  it('every order of the timeline contains the posted spans', async () => {
    const token = await stage0.token('bob', 'acme');
    const sent = Array.from({ length: 25 }, (_, index) => ({
      entity_type: 'count',
      who: 'bob',
      this: String(index),
    }));
    assert.equal((await stage0.call('/api/spans', { token, body: sent })).status, 201);
    for (const order of ['desc', 'asc', 'feed']) {
      const seen: string[] = [];
      let cursor: string | null = null;
      do {
        const page = await stage0.call(
          `/api/timeline?entity_type=count&limit=10&order=${order}${cursor === null ? '' : `&cursor=${cursor}`}`,
          { token },
        );
        assert.equal(page.status, 200, JSON.stringify(page.body));
        seen.push(...page.body.spans.map((span: { this: string }) => span.this));
        cursor = page.body.has_more ? page.body.next_cursor : null;
      } while (cursor !== null);
      assert.deepEqual(new Set(seen), new Set(sent.map((span) => span.this)), order);
      assert.equal(seen.length, 25, order);
    }
  });
});

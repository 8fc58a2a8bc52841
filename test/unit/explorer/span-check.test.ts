import assert from 'node:assert/strict';
import { keyBookOf } from '../../../explorer/src/ledger/key-book';
import { checkSpan } from '../../../explorer/src/ledger/span-check';
import { clientSpan } from '../../support/client-span';

describe('the check of a span in the browser', () => {
  const span = clientSpan({ at: '2026-06-01T12:00:00.000Z' });
  const book = (more: object = {}) =>
    keyBookOf({
      origin: 'here',
      keys: [
        {
          public_key: span.public_key,
          since: '2026-01-01T00:00:00.000Z',
          until: null,
          revoked: false,
          purpose: 'span',
          ...more,
        },
      ],
    });

  it("knows a key of the instance's", async () => {
    assert.equal((await checkSpan(span, book())).outcome, 'known');
  });

  it('shows a key that is not, or that signs checkpoints only', async () => {
    for (const keys of [keyBookOf({}), book({ purpose: 'checkpoint' })]) {
      const check = await checkSpan(span, keys);
      assert.equal(check.outcome, 'other');
      assert.equal(check.outcome === 'other' && check.publicKey, span.public_key);
    }
  });

  it('does not accept a key after its end', async () => {
    const check = await checkSpan(span, book({ until: '2026-06-01T12:00:00.000Z', revoked: true }));
    assert.match(
      check.outcome === 'other' ? check.why : '',
      /not valid at the time.*revoked from 2026-06-01/,
    );
    assert.equal((await checkSpan(span, book({ until: '2026-06-01T12:00:00.001Z' }))).outcome, 'known');
  });

  it('does not believe a key before its beginning', async () => {
    const check = await checkSpan(span, book({ since: '2026-06-01T12:00:00.001Z' }));
    assert.match(
      check.outcome === 'other' ? check.why : '',
      /not valid at the time.*first used at 2026-06-01/,
    );
    assert.equal((await checkSpan(span, book({ since: span.at }))).outcome, 'known');
    assert.equal((await checkSpan(span, book({ since: null }))).outcome, 'known');
  });

  it('names the fault, whichever key signed', async () => {
    const changed = await checkSpan({ ...span, this: 'another' }, book());
    assert.deepEqual(changed.outcome === 'fault' && changed.faults, ['hash']);
    const forged = await checkSpan({ ...span, signature: '0'.repeat(128) }, book());
    assert.deepEqual(forged.outcome === 'fault' && forged.faults, ['signature']);
    assert.equal((await checkSpan(null, book())).outcome, 'fault');
  });
});

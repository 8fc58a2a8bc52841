import assert from 'node:assert/strict';
import { FairTurns, TURN_BYTES } from '../../../runtime/base/fair-turns';
import { generateSigningKey } from '../../../runtime/crypto';
import { Database } from '../../../runtime/db/pool';
import { guestCalls } from '../../../runtime/host/guest-calls';
import { UserSql } from '../../../runtime/host/user-sql';
import { KeyRing } from '../../../runtime/ledger/keys/key-ring';
import { SpanWriter } from '../../../runtime/ledger/span-writer';

describe('a call of code in the sandbox', () => {
  // No server listens here: a refused draft needs no query.
  const database = new Database({ connectionString: 'postgres://nobody@127.0.0.1:1/none' });
  after(() => database.close());

  it('that inserts a list checks it in the turns of its tenant', async () => {
    const key = generateSigningKey();
    const identity = { user: 'alice', tenant: 'acme' };
    const turns = new FairTurns();
    const call = guestCalls({
      sql: new UserSql({ writer: database }).ofRun(identity),
      writer: new SpanWriter({ database, signingKey: () => key, turns }),
      keys: () => new KeyRing([key]),
      identity,
      pure: false,
      turns,
    });
    // Uses up this turn of the event loop, and what little a tenant may do in one that others have used up.
    assert.equal(turns.take('acme', TURN_BYTES), undefined);
    let isChecked = false;
    const refused = assert.rejects(
      call('insertSpan', [{}], new AbortController().signal).finally(() => {
        isChecked = true;
      }),
      { code: 'malformed' },
    );
    for (let count = 0; count < 10; count += 1) await Promise.resolve();
    assert.equal(isChecked, false);
    await refused;
    assert.equal(isChecked, true);
  });
});

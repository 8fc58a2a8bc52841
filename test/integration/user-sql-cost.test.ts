import assert from 'node:assert/strict';
import { DatabaseError } from 'pg';
import type { Database } from '../../runtime/db/pool';
import { withPg } from '../../runtime/db/with-pg';
import { openGuestDatabase } from '../../runtime/host/user-sql';
import { checkSql, SqlRefusedError } from '../../runtime/sandbox';
import { createTestStage0, type TestStage0 } from '../support/test-stage0';
import { userSqlCases, widestRows } from '../support/user-sql-cases';

const ALICE = { user: 'alice', tenant: 'acme' };

describe('every function, operator and cast of user SQL, on the widest spans', function () {
  this.timeout(300_000);
  let stage0: TestStage0;
  let guest: Database;

  before(async () => {
    stage0 = await createTestStage0();
    guest = openGuestDatabase({ connectionString: stage0.database.urls.guest });
    for (const row of widestRows())
      await stage0.writer.append(ALICE, [{ entity_type: 'wide', who: 'alice', ...row } as never]);
  });
  after(async () => {
    await guest.close();
    await stage0.close();
  });

  it('runs as the role of guests, or is refused for its cost', async () => {
    const refused: string[] = [];
    for (const { title, text } of userSqlCases()) {
      const checked = await checkSql(text).catch((error: unknown) => {
        assert.ok(error instanceof SqlRefusedError, `${title}: ${error}`);
        assert.match(
          error.message,
          /can take \d+ ms|short values only|constant or a bound value|cast it to/,
          title,
        );
        refused.push(title);
      });
      if (checked === undefined) continue;
      await withPg(guest, ALICE, ({ client }) => client.query(`SELECT count(*) FROM (${checked.text}) q`), {
        readOnly: true,
        statementTimeoutMs: 60_000,
      }).catch((error: unknown) => {
        // Some functions fail on some rows; what counts is that the guard allowed them.
        const cause = error instanceof Error ? error.cause : undefined;
        assert.ok(
          cause instanceof DatabaseError && /^22/.test(cause.code ?? ''),
          `${title}: ${cause ?? error}`,
        );
      });
    }
    // Refused on a whole span, these are allowed on a part of it.
    assert.ok(refused.length < 25, `${refused.length} refused:\n${refused.join('\n')}`);
  });

  it('can name only the columns of a span', async () => {
    for (const column of ['tx_id', 'ordinal', 'audience']) {
      const { text } = await checkSql(`SELECT ${column} FROM ledger.universal_registry`);
      await assert.rejects(
        withPg(guest, ALICE, ({ client }) => client.query(text)),
        (error: Error) => /column .* does not exist/.test(String(error.cause)),
      );
      // Without the guard the role's rights refuse them, too.
      await assert.rejects(
        withPg(guest, ALICE, ({ client }) => client.query(`SELECT ${column} FROM ledger.universal_registry`)),
        (error: Error) => /permission denied/.test(String(error.cause)),
      );
    }
    for (const text of [
      'SELECT r FROM ledger.universal_registry r',
      'SELECT xmin FROM ledger.universal_registry',
    ]) {
      await assert.rejects(
        withPg(guest, ALICE, ({ client }) => client.query(text)),
        (error: Error) => /permission denied/.test(String(error.cause)),
      );
    }
  });

  it('cannot write, by setting and by right', async () => {
    const insert = "INSERT INTO ledger.universal_registry (who) VALUES ('x')";
    await assert.rejects(guest.pool.query(insert), /read-only transaction/);
    await assert.rejects(guest.pool.query(`BEGIN READ WRITE; ${insert}; COMMIT`), /permission denied/);
  });
});

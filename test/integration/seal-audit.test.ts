import assert from 'node:assert/strict';
import { connectAdmin } from '../../runtime/db/admin-client';
import { Database } from '../../runtime/db/pool';
import { Auditor } from '../../runtime/proofs/auditor';
import { withClient } from '../support/sql-session';
import { createTestLog, type TestLog } from '../support/test-log';
import { startWireMeter } from '../support/wire-meter';

describe('the audit of what is sealed', () => {
  let log: TestLog;
  beforeEach(async () => {
    log = await createTestLog();
  });
  afterEach(() => log.close());

  it('finds every span as it was sealed, and says how far it came', async () => {
    await log.append('acme', 4);
    await log.seal();
    assert.ok((await log.audit()) >= 4);
    assert.deepEqual(log.mismatches, []);
    const { rows } = await withClient(log.stage0.database.superuserUrl, (client) =>
      client.query('SELECT audited_size::int AS size FROM app.log_audit'),
    );
    assert.deepEqual(rows, [{ size: 4 }]);
  });

  it('has few spans in memory at a time, since each may be of 1 MiB', async () => {
    const url = new URL(log.stage0.database.urls.auditor);
    const meter = await startWireMeter(Number(url.port));
    url.port = String(meter.port);
    const database = new Database({ connectionString: url.href, poolSize: 1 });
    const auditor = new Auditor({
      database,
      keys: () => [log.stage0.key],
      onMismatch: ({ detail }) => assert.fail(detail),
    });
    const turnsOf = async (spans: number): Promise<number> => {
      await log.append('acme', spans);
      await log.seal();
      meter.take();
      assert.equal(await auditor.auditBatch(1_000), spans);
      return meter.take();
    };
    try {
      await auditor.auditBatch(1); // Connects.
      const few = await turnsOf(10);
      // Of 16 at a time, 100 take six more than 10.
      assert.ok((await turnsOf(100)) - few >= 6);
    } finally {
      await database.close();
      await meter.close();
    }
  });

  it('stops the log of a tenant with an altered span, and of no other; what is not sealed waits', async () => {
    await log.append('acme', 3);
    await log.append('other', 1);
    await log.seal();
    await withClient(log.stage0.database.superuserUrl, async (client) => {
      await client.query('ALTER TABLE ledger.universal_registry DISABLE TRIGGER append_only');
      await client.query(
        `UPDATE ledger.universal_registry SET this = 'another thing'
          WHERE id = (SELECT id FROM ledger.log_entry WHERE log_no = 1 AND position = 1)`,
      );
    });
    await log.audit();
    assert.deepEqual(
      log.mismatches.map(({ tenant, position }) => [tenant, position]),
      [['acme', 1]],
    );
    assert.match(log.mismatches[0]?.detail ?? '', /content hashes to/);
    await log.append('acme', 2);
    await log.append('other', 2);
    await log.seal();
    await log.assertSealed('other');
    assert.equal((await log.entriesOf('acme')).length, 3);
    await resume('acme');
    await log.append('acme', 1);
    await log.seal();
    await log.assertSealed('acme');
  });

  const resume = async (tenant: string) => {
    const auditing = { connectionString: log.stage0.database.urls.auditor };
    const client = await connectAdmin(auditing);
    try {
      return (await client.query('SELECT * FROM app.resume_log($1)', [tenant])).rows;
    } finally {
      await client.end();
    }
  };

  /** Another thing than was signed. */
  const alter = (id: string): Promise<unknown> =>
    withClient(log.stage0.database.superuserUrl, async (client) => {
      await client.query('ALTER TABLE ledger.universal_registry DISABLE TRIGGER append_only');
      await client.query(`UPDATE ledger.universal_registry SET this = 'another thing' WHERE id = $1`, [id]);
    });
  const stopReason = async (): Promise<string | null> => {
    const { rows } = await withClient(log.stage0.database.superuserUrl, (client) =>
      client.query('SELECT stop_reason FROM app.log_head ORDER BY log_no LIMIT 1'),
    );
    return rows[0]?.stop_reason;
  };

  it('lets a log go on that was looked at, and checks again what waited: it stops at the next fault, not at the old one', async () => {
    await log.append('acme', 3);
    await log.seal();
    const [, second] = await log.entriesOf('acme');
    await alter(second?.id ?? '');
    await log.audit();
    assert.match((await stopReason()) ?? '', /position 1/);
    await log.append('acme', 2);
    await log.seal();
    // The audit has passed what waits, which has no position yet.
    await log.audit();
    const [resumed, ...others] = await resume('acme');
    assert.deepEqual([resumed?.size, resumed?.waiting, others], ['3', '2', []]);
    assert.match(resumed?.stop_reason, /position 1/);
    assert.deepEqual(await resume('acme'), []);
    // It waits for them to be sealed.
    assert.equal(await log.audit(), 0);
    await log.seal();
    assert.equal(await log.audit(), 2);
    assert.equal(await stopReason(), null);

    await log.append('acme', 1);
    await log.seal();
    const last = (await log.entriesOf('acme')).at(-1);
    await alter(last?.id ?? '');
    await log.audit();
    assert.match((await stopReason()) ?? '', /position 5/);
  });

  it('does not stop a log again for what was looked at when another log goes on', async () => {
    await log.append('acme', 1);
    await log.append('other', 1);
    await log.seal();
    await alter((await log.entriesOf('other'))[0]?.id ?? '');
    await log.audit();
    await log.append('other', 1);
    await log.append('acme', 1);
    await log.seal();
    await alter((await log.entriesOf('acme'))[1]?.id ?? '');
    await log.audit();
    assert.match((await stopReason()) ?? '', /position 1/);
    await resume('acme');
    await resume('other');
    await log.seal();
    assert.equal(await log.audit(), 2);
    assert.equal(await stopReason(), null);
  });

  it('finds a span that was altered while it waited for its log to go on', async () => {
    await log.append('acme', 1);
    await log.seal();
    await alter((await log.entriesOf('acme'))[0]?.id ?? '');
    await log.audit();
    await log.append('acme', 1);
    await log.seal();
    await log.audit();
    await resume('acme');
    await log.seal();
    await alter((await log.entriesOf('acme'))[1]?.id ?? '');
    await log.audit();
    assert.match((await stopReason()) ?? '', /position 1/);
  });
});

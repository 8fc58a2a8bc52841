import assert from 'node:assert/strict';
import { prune } from '../../runtime/host/prune';
import { createTestKernels, type TestKernels } from '../support/test-kernels';

describe('pruning', () => {
  let kernels: TestKernels;
  beforeEach(async () => {
    kernels = await createTestKernels();
  });
  afterEach(() => kernels.close());

  const names = async (table: string, column: string): Promise<readonly unknown[]> =>
    (await kernels.look(`SELECT ${column}::text AS name FROM ${table} ORDER BY 1`)).rows.map(
      ({ name }) => name,
    );

  it('Idempotency-Keys go after 30 days, or as many as are configured', async () => {
    const key = (name: string, days: number) =>
      kernels.look(
        `INSERT INTO app.idempotency_key (tenant_id, key, fingerprint, span_ids, span_seqs, at)
         VALUES ('acme', $1, repeat('0', 64), '{}', '{}', now() - make_interval(days => $2))`,
        [name, days],
      );
    await key('old', 31);
    await key('young', 29);
    const { kernelDatabase } = kernels;
    assert.equal(await prune({ kernelDatabase }), 1);
    assert.deepEqual(await names('app.idempotency_key', 'key'), ['young']);
    assert.equal(await prune({ kernelDatabase, idempotencyDays: 7 }), 1);
    // Even with 0 days, today's entries are kept.
    await key('of today', 0);
    await prune({ kernelDatabase, idempotencyDays: 0 });
    assert.deepEqual(await names('app.idempotency_key', 'key'), ['of today']);
  });

  it('emissions go after 30 days once their policy has passed them, not before', async () => {
    const policy = async (id: string, txId: string) => {
      await kernels.look(
        `INSERT INTO app.policy_cursor (policy_id, tenant_id, owner_id, is_active, tx_id, ordinal) VALUES ($1, 'acme', 'alice', true, $2::xid8, 0)`,
        [id, txId],
      );
      for (const days of [1, 31]) {
        await kernels.look(
          `INSERT INTO app.policy_emission (span_id, policy_id, depth, at, tx_id)
           VALUES (gen_random_uuid(), $1, $2, now() - make_interval(days => $2), '500')`,
          [id, days],
        );
      }
    };
    await policy('00000000-0000-4000-9000-000000000001', '499');
    await policy('00000000-0000-4000-9000-000000000002', '501');
    await prune(kernels);
    const { rows } = await kernels.look(
      'SELECT right(policy_id::text, 1) AS policy, depth FROM app.policy_emission ORDER BY 1, 2',
    );
    assert.deepEqual(
      rows.map(({ policy: of, depth }) => `${of} of ${depth} days`),
      ['1 of 1 days', '1 of 31 days', '2 of 1 days'],
    );
  });

  it('quota days, revocations, rounds and jobs that are no more go by age, in the midnight round, in batches', async () => {
    await kernels.look(
      `INSERT INTO app.execution_quota (tenant_id, day, used) SELECT 't' || n, current_date - 91, 1 FROM generate_series(1, 4500) n`,
    );
    await kernels.look(
      `INSERT INTO app.execution_quota (tenant_id, day, used) VALUES ('kept', current_date - 89, 1)`,
    );
    await kernels.look(
      `INSERT INTO app.token_revocation (tenant_id, token_id, at) VALUES
         ('acme', 'old', now() - interval '401 days'), ('acme', 'kept', now() - interval '367 days')`,
    );
    await kernels.look(
      `INSERT INTO app.ruling_night (local_date, decided) VALUES (current_date - 401, 1), (current_date - 399, 1)`,
    );
    await kernels.look(
      `INSERT INTO app.job_run (job, lease_id, leased_until, started_at)
       SELECT job, gen_random_uuid(), now() - age, now() - age
         FROM (VALUES ('gone', interval '401 days'), ('resting', interval '399 days')) AS j (job, age)`,
    );
    assert.equal((await kernels.tick('midnight_ruler', { trigger: 'midnight_ruler' })).outcome, 'ok');
    assert.deepEqual(await names('app.execution_quota', 'tenant_id'), ['kept']);
    assert.deepEqual(await names('app.token_revocation', 'token_id'), ['kept']);
    assert.equal((await names('app.ruling_night', `local_date`)).length, 2);
    assert.deepEqual(await names('app.job_run', 'job'), ['midnight_ruler', 'resting']);
  });

  it('only kernels may take it away', async () => {
    await assert.rejects(prune({ kernelDatabase: kernels.pool }), /./);
  });
});

import assert from 'node:assert/strict';
import { refusalOf, withClient } from '../support/sql-session';
import { createTestKernels, type TestKernels } from '../support/test-kernels';

describe('claims of requests', () => {
  let kernels: TestKernels;
  beforeEach(async () => {
    kernels = await createTestKernels();
  });
  afterEach(() => kernels.close());

  const claim = async (leftOut: readonly string[] = []): Promise<string | undefined> =>
    (
      await kernels.kernelDatabase.pool.query('SELECT tenant_id, request_id FROM app.claim_request(60, $1)', [
        leftOut,
      ])
    ).rows.map(({ tenant_id, request_id }) => `${tenant_id} ${request_id.slice(-2)}`)[0];
  /** Queue rows: tenant and number, in the order in which they became due. */
  const fill = (rows: readonly (readonly [string, number])[]) =>
    kernels.look(
      `INSERT INTO app.request_queue (request_id, tenant_id, owner_id, due_at)
       SELECT ('00000000-0000-4000-8000-0000000000' || lpad(number::text, 2, '0'))::uuid, tenant, 'o',
              now() - interval '1 hour' + make_interval(secs => place)
         FROM unnest($1::text[], $2::int[]) WITH ORDINALITY AS u (tenant, number, place)`,
      [rows.map(([tenant]) => tenant), rows.map(([, number]) => number)],
    );

  it('go in turn by tenant, first in, first out within one', async () => {
    await fill([
      ['a', 1],
      ['a', 2],
      ['a', 3],
      ['b', 4],
      ['b', 5],
      ['c', 6],
    ]);
    const order = [];
    for (let index = 0; index < 7; index += 1) order.push(await claim());
    assert.deepEqual(order, ['a 01', 'b 04', 'c 06', 'a 02', 'b 05', 'a 03', undefined]);
  });

  it('are no later for a tenant whose last one lies ahead: the clock was set back', async () => {
    await kernels.look(
      `INSERT INTO app.request_queue (request_id, tenant_id, owner_id)
       VALUES (gen_random_uuid(), 'acme', 'alice'), (gen_random_uuid(), 'globex', 'bob')`,
    );
    await kernels.look(
      `INSERT INTO app.request_turn (tenant_id, taken_at)
       VALUES ('acme', now() + interval '40 days'), ('globex', now() - interval '1 hour')`,
    );
    const { rows } = await kernels.look("SELECT tenant_id FROM app.claim_request(15, '{}')");
    assert.deepEqual(rows, [{ tenant_id: 'acme' }]);
  });

  it('leave out the tenants that a worker has enough of', async () => {
    await fill([
      ['a', 1],
      ['b', 2],
    ]);
    assert.equal(await claim(['a']), 'b 02');
    assert.equal(await claim(['a']), undefined);
  });

  it('of many workers at once take each request once', async () => {
    await fill(Array.from({ length: 40 }, (_, index) => [index % 2 === 0 ? 'a' : 'b', index] as const));
    const taken = await Promise.all(Array.from({ length: 60 }, () => claim()));
    const given = taken.filter((one) => one !== undefined);
    assert.equal(new Set(given).size, given.length);
    assert.equal(given.length, 40);
  });

  it('end with their lease, and only their holder may renew them', async () => {
    await fill([['a', 1]]);
    const { rows } = await kernels.kernelDatabase.pool.query("SELECT * FROM app.claim_request(60, '{}')");
    const renew = async (lease: string) =>
      (
        await kernels.kernelDatabase.pool.query('SELECT app.renew_request($1, $2, 60) AS held', [
          rows[0].request_id,
          lease,
        ])
      ).rows[0].held;
    assert.equal(await renew(rows[0].lease_id), true);
    assert.equal(await renew(rows[0].request_id), false);
    await kernels.look("UPDATE app.request_queue SET due_at = now() - interval '1 second'");
    assert.equal(await claim(), 'a 01');
    assert.equal(await renew(rows[0].lease_id), false);
  });

  it('are out of reach of every role but the kernels’', async () => {
    for (const [role, url] of Object.entries(kernels.database.urls)) {
      if (role === 'kernel') continue;
      const called = withClient(url, (client) =>
        refusalOf(client.query("SELECT * FROM app.claim_request(60, '{}')")),
      );
      assert.equal(await called, '42501', role);
    }
  });
});

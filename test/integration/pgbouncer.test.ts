import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { poolerFault } from '../../local/pooler-check';
import { migrate } from '../../runtime/db/migrate';
import { type PgBouncer, type PgBouncerOptions, startPgBouncer, whyNoPgBouncer } from '../support/pgbouncer';
import { posterOf } from '../support/poster';
import {
  createEmptyDatabase,
  createTestDatabase,
  type TestDatabase,
  testPasswords,
} from '../support/test-database';
import { createTestKernels, type TestKernels } from '../support/test-kernels';

const missing = whyNoPgBouncer();

/** The database through a pooler for every role; superuser and dropping go direct. */
function throughPooler(database: TestDatabase, pooler: PgBouncer): TestDatabase {
  const urls = Object.fromEntries(
    Object.entries(database.urls).map(([role, url]) => [role, pooler.through(url)]),
  ) as TestDatabase['urls'];
  return { ...database, urls, appUrl: urls.app, adminUrl: pooler.through(database.adminUrl) };
}

describe(`behind PgBouncer${missing === undefined ? '' : ` (skipped: ${missing})`}`, function () {
  this.timeout(120_000);
  let direct: TestDatabase;
  before(async function () {
    if (missing !== undefined) return this.skip();
    direct = await createTestDatabase();
  });
  after(() => direct?.drop());

  const start = (options: PgBouncerOptions): Promise<PgBouncer> =>
    startPgBouncer([...Object.values(direct.urls), direct.adminUrl], options);

  for (const mode of ['transaction', 'session'] as const) {
    describe(`in ${mode} mode`, () => {
      let pooler: PgBouncer;
      let kernels: TestKernels;
      before(async () => {
        pooler = await start({ mode });
        kernels = await createTestKernels({
          database: throughPooler(await createTestDatabase(), pooler),
        });
      });
      after(async () => {
        await kernels?.close();
        await pooler?.stop();
      });

      it('nothing is wrong with it', async () => {
        assert.equal(await poolerFault({ connectionString: kernels.database.adminUrl }), undefined);
      });

      it('an empty database is migrated', async () => {
        const empty = await createEmptyDatabase();
        const admin = { connectionString: pooler.through(empty.adminUrl) };
        const applied = await migrate({ admin, passwords: testPasswords(), sharesRoles: true });
        assert.ok(applied.length >= 20);
        assert.deepEqual(await migrate({ admin, passwords: testPasswords(), sharesRoles: true }), []);
        await empty.drop();
      });

      it('callers of several tenants append and read at the same time, and see their own', async () => {
        const tenants = ['acme', 'globex', 'initech'];
        const posters = await Promise.all(tenants.map((tenant) => posterOf(kernels, 'alice', tenant)));
        await Promise.all(
          Array.from({ length: 90 }, (_, n) => {
            const poster = posters[n % posters.length];
            assert.ok(poster);
            return n % 2 === 0
              ? poster.post({ entity_type: 'note', this: `note ${n}` })
              : poster.list('entity_type=note');
          }),
        );
        for (const [index, poster] of posters.entries()) {
          for (const order of ['desc', 'asc', 'feed']) {
            const notes = await poster.list(`entity_type=note&order=${order}`);
            assert.equal(notes.length, 15);
            for (const { tenant_id } of notes) assert.equal(tenant_id, tenants[index]);
          }
        }
      });

      it('a function runs and its SQL reads what its owner may read', async () => {
        const alice = await posterOf(kernels, 'alice', `runs-${randomBytes(4).toString('hex')}`);
        await alice.post({ entity_type: 'note', this: 'mine' });
        const fn = await alice.post({
          entity_type: 'function',
          code: `async function main(ctx) {
            const { rows } = await ctx.sql\`SELECT this FROM ledger.visible_timeline WHERE entity_type = 'note'\`;
            return rows;
          }`,
        });
        const token = await kernels.token('alice', fn.tenant_id);
        const { status, body } = await kernels.call(`/api/execute/${fn.id}`, { method: 'POST', token });
        assert.equal(status, 200, JSON.stringify(body));
        assert.deepEqual(body.result, [{ this: 'mine' }]);
      });

      it('ticks claim requests and move policies', async () => {
        const alice = await posterOf(kernels, 'alice', `ticks-${randomBytes(4).toString('hex')}`);
        const fn = await alice.post({ entity_type: 'function', code: 'function main() { return 7; }' });
        const request = await alice.post({ entity_type: 'request', status: 'scheduled', parent_id: fn.id });
        await alice.post({
          entity_type: 'policy',
          code: `function on(span) {
            if (span.entity_type !== 'order') return null;
            return { type: 'emit', span: { entity_type: 'echo', who: 'p', this: span.this } };
          }`,
        });
        await alice.post({ entity_type: 'order', this: 'one' });
        for (const job of ['observer_bot', 'request_worker', 'policy_agent'] as const) {
          // Two at the same time: one of them may report that the other is running.
          const outcomes = await Promise.all([kernels.tick(job), kernels.tick(job)]);
          for (const outcome of outcomes) assert.notEqual(outcome.outcome, 'error', JSON.stringify(outcome));
          assert.equal((await kernels.tick(job)).outcome, 'ok', `${job}: its lease was given back`);
        }
        assert.equal((await alice.latest(request.id)).status, 'complete');
        assert.equal((await alice.list('entity_type=echo')).length, 1);
      });
    });
  }

  const UNUSABLE: readonly (readonly [options: PgBouncerOptions, fault: RegExp])[] = [
    [{ mode: 'statement' }, /pool_mode = transaction/],
    [{ mode: 'transaction', maxPreparedStatements: 0 }, /max_prepared_statements/],
  ];
  for (const [options, fault] of UNUSABLE) {
    it(`${JSON.stringify(options)} gets a one-line message with the setting`, async () => {
      const pooler = await start(options);
      try {
        const found = await poolerFault({ connectionString: pooler.through(direct.adminUrl) });
        assert.match(found ?? '', fault);
        assert.ok(!found?.includes('\n'));
      } finally {
        await pooler.stop();
      }
    });
  }
});

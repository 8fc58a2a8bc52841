import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { databaseFreezer, freezeTenant, thawTenant } from '../../cli/freeze/frozen-tenant';
import type { SignedSpan } from '../../runtime/base/span';
import { verifySpan } from '../../runtime/ledger/span-signature';
import { withClient } from '../support/sql-session';
import { createTestStage0, type TestStage0 } from '../support/test-stage0';
import { until } from '../support/until';

describe('a tenant that is frozen or moved', () => {
  let here: TestStage0;
  let there: TestStage0;
  beforeEach(async () => {
    [here, there] = await Promise.all([createTestStage0(), createTestStage0()]);
  });
  afterEach(() => Promise.all([here.close(), there.close()]));

  const freeze = (cell: TestStage0, tenant = 'acme', waitSeconds = 20) =>
    withClient(cell.database.adminUrl, (client) =>
      freezeTenant(databaseFreezer(client), tenant, waitSeconds),
    );
  const thaw = (cell: TestStage0) =>
    withClient(cell.database.adminUrl, (client) => thawTenant(databaseFreezer(client), 'acme'));
  const rows = async (cell: TestStage0, sql: string): Promise<readonly Record<string, unknown>[]> =>
    withClient(cell.database.superuserUrl, async (client) => (await client.query(sql)).rows);
  const note = (name: string, more: object = {}) => ({ entity_type: 'note', who: 'a', this: name, ...more });
  const post = async (cell: TestStage0, body: unknown, user = 'alice', tenant = 'acme') =>
    cell.call('/api/spans', { token: await cell.token(user, tenant), body });
  const claim = (cell: TestStage0) =>
    withClient(cell.database.urls.kernel, async (client) => {
      const { rows: claimed } = await client.query("SELECT * FROM app.claim_request(15, '{}')");
      return claimed[0];
    });

  /** A tenant's feed as one user sees it. */
  const feed = async (cell: TestStage0, user: string, query = ''): Promise<SignedSpan[]> => {
    const { status, body } = await cell.call(`/api/timeline?order=feed&tenant_id=acme&limit=1000${query}`, {
      token: await cell.token(user, 'acme'),
    });
    assert.equal(status, 200, JSON.stringify(body));
    return body.spans;
  };

  /** All spans of the tenant in feed order, from the table. */
  const ledgerOf = (cell: TestStage0) =>
    rows(
      cell,
      `SELECT id, seq, owner_id, curr_hash, signature, public_key, prev_hash FROM ledger.universal_registry
        WHERE tenant_id = 'acme' ORDER BY tx_id, ordinal`,
    );

  it('writes of a frozen tenant get 503 with Retry-After; its reads and other tenants are not affected', async () => {
    const span = (await post(here, note('before'))).body.span;
    await freeze(here);
    const refused = await post(here, note('frozen'));
    assert.equal(refused.status, 503);
    assert.ok(Number(refused.headers.get('retry-after')) > 0);
    assert.match(refused.body.detail, /frozen/);
    const token = await here.token('alice', 'acme');
    assert.equal((await here.call(`/api/spans/${span.id}`, { token })).status, 200);
    assert.equal((await post(here, note('other'), 'alice', 'other')).status, 201);
    assert.equal(await thaw(here), true);
    assert.equal((await post(here, note('after'))).status, 201);
    assert.equal(await thaw(here), false);
  });

  it('only the operator freezes and thaws over the API, step by step', async () => {
    await post(here, note('before'));
    const request = (await post(here, note('x', { entity_type: 'request', status: 'scheduled' }))).body.span;
    await claim(here);
    const operator = await here.token('system', 'system');
    const step = (path: string, token: string | undefined = operator) =>
      here.call(path, { method: 'POST', ...(token === undefined ? {} : { token }) });
    for (const what of ['freeze', 'thaw']) {
      const path = `/api/${what}/acme`;
      for (const [who, token] of [
        ['an admin of the tenant', await here.token('alice', 'acme')],
        ['the operator without admin', await here.token('system', 'system', ['spans:write'])],
      ] as const)
        assert.equal((await step(path, token)).status, 403, who);
      assert.equal((await here.call(path, { method: 'POST' })).status, 401);
      assert.equal((await step(`/api/${what}/system`)).status, 400);
    }
    assert.equal((await post(here, note('nobody froze it'))).status, 201);

    for (let count = 0; count < 3; count += 1) {
      const { status, body, headers } = await step('/api/freeze/acme');
      assert.deepEqual([status, body.waits_for], [202, 'runs']);
      assert.ok(Number(headers.get('retry-after')) > 0);
    }
    const outcome = note('x', { entity_type: 'request', id: request.id, seq: 1, status: 'complete' });
    assert.equal((await post(here, outcome)).status, 201);
    await until('it is frozen', async () => (await step('/api/freeze/acme')).status === 200);
    assert.deepEqual((await step('/api/freeze/acme')).body, {
      success: true,
      tenant: 'acme',
      frozen: true,
      waits_for: null,
    });
    assert.equal((await post(here, note('frozen'))).status, 503);
    assert.equal((await post(here, note('other'), 'alice', 'other')).status, 201);
    for (const wasFrozen of [true, false]) {
      const { status, body } = await step('/api/thaw/acme');
      assert.deepEqual([status, body.was_frozen, body.frozen], [200, wasFrozen, false]);
    }
    assert.equal((await post(here, note('after'))).status, 201);
  });

  it('is not frozen before writers that began earlier have ended', async () => {
    await withClient(here.database.appUrl, async (late) => {
      await late.query('BEGIN');
      await late.query(
        "SELECT set_config('app.user_id', 'alice', true), set_config('app.tenant_id', 'acme', true)",
      );
      await late.query('SELECT pg_current_xact_id()');
      const operator = await here.token('system', 'system');
      const step = () => here.call('/api/freeze/acme', { method: 'POST', token: operator });
      for (let count = 0; count < 6; count += 1) {
        const { status, body } = await step();
        assert.deepEqual([status, body.frozen], [202, false]);
      }
      await late.query('COMMIT');
      await until('it is frozen', async () => (await step()).status === 200);
    });
  });

  it('no request of a frozen tenant is claimed until it is thawed, those of others are', async () => {
    const request = (tenant: string) =>
      post(here, note('x', { entity_type: 'request', status: 'scheduled' }), 'alice', tenant);
    await request('acme');
    await freeze(here);
    await request('other');
    assert.equal((await claim(here))?.tenant_id, 'other');
    assert.equal(await claim(here), undefined);
    await thaw(here);
    assert.equal((await claim(here))?.tenant_id, 'acme');
  });

  it('neither freezing nor thawing waits for a time that lies ahead because the clock was set back', async () => {
    await post(here, note('x', { entity_type: 'request', status: 'scheduled' }));
    await claim(here);
    await rows(here, "UPDATE app.request_queue SET due_at = now() + interval '40 days'");
    await freeze(here);
    await rows(
      here,
      `INSERT INTO app.tenant_salt (tenant_id, salt, at) VALUES ('acme', repeat('ab', 32), now() + interval '40 days')`,
    );
    assert.equal(await thaw(here), true);
  });

  it('a request that runs is waited for, and may still write its outcome', async () => {
    const { span } = (await post(here, note('x', { entity_type: 'request', status: 'scheduled' }))).body;
    const claimed = await claim(here);
    assert.equal(claimed?.request_id, span.id);
    await assert.rejects(freeze(here, 'acme', 0), /requests of the tenant still run/);
    const outcome = note('x', { entity_type: 'request', id: span.id, seq: 1, status: 'complete' });
    assert.equal((await post(here, outcome)).status, 201);
    await freeze(here);
    assert.equal((await post(here, note('frozen'))).status, 503);
  });

  it('after=<id>.<seq> continues after a version that the caller may read, and only with order=feed', async () => {
    const [first, second] = (await post(here, [note('first'), note('second')])).body.spans;
    await until('the feed shows both', async () => (await feed(here, 'alice')).length === 2);
    assert.deepEqual(await feed(here, 'alice', `&after=${first.id}.0`), [second]);
    assert.deepEqual(await feed(here, 'alice', `&after=${second.id}.0`), []);
    for (const [user, query] of [
      ['bob', `order=feed&after=${first.id}.0`],
      ['alice', `order=feed&after=${randomUUID()}.0`],
      ['alice', `order=feed&after=${first.id}.1`],
      ['alice', `order=feed&after=${first.id}`],
      ['alice', `after=${first.id}.0`],
      ['alice', `order=feed&from=end&after=${first.id}.0`],
    ] as const) {
      const { status, body } = await here.call(`/api/timeline?${query}`, {
        token: await here.token(user, 'acme'),
      });
      assert.equal(status, 400, query);
      assert.equal(body.errors[0].pointer, '/after');
    }
  });

  it('a move under load: both ledgers are equal, open work resumes once in the new cell, and subscribers continue', async () => {
    const written: string[] = [];
    let isFrozen = false;
    const writer = async (user: string) => {
      for (let count = 0; !isFrozen && count < 2_000; count += 1) {
        const { status, body } = await post(here, note(`${user} ${count}`, { visibility: 'tenant' }), user);
        if (status === 201) written.push(body.span.id);
        else {
          assert.equal(status, 503, JSON.stringify(body));
          isFrozen = true;
        }
      }
    };
    const policy = (await post(here, note('p', { entity_type: 'policy' }))).body.span.id;
    const done = (await post(here, note('d', { entity_type: 'request', status: 'scheduled' }))).body.span.id;
    await post(here, note('d', { entity_type: 'request', id: done, seq: 1, status: 'complete' }));
    const open = (await post(here, note('o', { entity_type: 'request', status: 'scheduled' }))).body.span.id;
    await post(here, note('f', { entity_type: 'function', metadata: { schedule: '0 * * * *' } }));
    await post(here, note('c', { entity_type: 'contract' }));
    const writers = Promise.all(['alice', 'bob'].map(writer));
    await until('both write', async () => written.length > 20);
    await freeze(here);
    await writers;
    assert.ok(isFrozen, 'no writer met the frozen tenant');
    const seen = await feed(here, 'alice');

    // As `logline export` and `import` do: the operator sends each owner's feed.
    await freeze(there);
    const operator = await there.token('system', 'system');
    const exported = [
      ...seen,
      ...(await feed(here, 'bob')).filter(({ visibility }) => visibility === 'private'),
    ];
    for (const expected of [201, 200]) {
      const answer = await there.call('/api/import', { token: operator, body: exported });
      assert.equal(answer.status, expected, JSON.stringify(answer.body).slice(0, 300));
    }
    assert.equal((await post(there, note('too early'))).status, 503);
    assert.equal(await claim(there), undefined);
    const moved = await ledgerOf(there);
    assert.deepEqual(moved, await ledgerOf(here));
    for (const id of written) assert.ok(moved.some((row) => row.id === id));
    for (const span of exported) assert.ok(verifySpan(span).ok);

    await thaw(there);
    assert.equal((await claim(there))?.request_id, open);
    assert.equal(await claim(there), undefined, 'a request that was done is not run again');
    const [news] = await rows(
      there,
      `SELECT count(*)::int AS count FROM ledger.universal_registry r JOIN app.policy_cursor c
          ON c.policy_id = '${policy}' WHERE (r.tx_id, r.ordinal) > (c.tx_id, c.ordinal)`,
    );
    assert.equal(news?.count, 0, 'a policy takes what was imported for news');
    const [schedule] = await rows(
      there,
      "SELECT s.done_until > now() - interval '5 minutes' AS fresh FROM app.function_schedule s",
    );
    assert.equal(schedule?.fresh, true);
    const [subject] = await rows(there, `SELECT ruled_on > '-infinity' AS ruled FROM app.ruling_queue`);
    assert.equal(subject?.ruled, true);

    const last = seen.at(-1);
    const next = (await post(there, note('next'))).body.span;
    await until('the subscriber goes on', async () => {
      const found = await feed(there, 'alice', `&after=${last?.id}.${last?.seq}`);
      assert.ok(found.length <= 1);
      return found[0]?.id === next.id;
    });
  });
});

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { databaseFreezer, freezeTenant, thawTenant } from '../../cli/freeze/frozen-tenant';
import type { SignedSpan } from '../../runtime/base/span';
import { Database } from '../../runtime/db/pool';
import { KeyRing } from '../../runtime/ledger/keys/key-ring';
import { stableIdSalt } from '../../runtime/ledger/stable-id';
import { TenantSalts } from '../../runtime/ledger/tenant-salts';
import { WORK_KINDS } from '../../runtime/ledger/work-state';
import { withClient } from '../support/sql-session';
import { createTestStage0, type TestStage0 } from '../support/test-stage0';

interface Page {
  readonly kind: string;
  readonly until: string | null;
  readonly rows: readonly Record<string, unknown>[];
}

describe('the work state of a tenant that moves', () => {
  let here: TestStage0;
  let there: TestStage0;
  beforeEach(async () => {
    [here, there] = await Promise.all([createTestStage0(), createTestStage0()]);
  });
  afterEach(() => Promise.all([here.close(), there.close()]));

  const freeze = (cell: TestStage0) =>
    withClient(cell.database.adminUrl, (client) => freezeTenant(databaseFreezer(client), 'acme', 20));
  const thaw = (cell: TestStage0) =>
    withClient(cell.database.adminUrl, (client) => thawTenant(databaseFreezer(client), 'acme'));
  const rows = async (cell: TestStage0, sql: string): Promise<readonly Record<string, unknown>[]> =>
    withClient(cell.database.superuserUrl, async (client) => (await client.query(sql)).rows);
  const note = (name: string, more: object = {}) => ({ entity_type: 'note', who: 'a', this: name, ...more });
  const post = async (cell: TestStage0, body: unknown, headers: Record<string, string> = {}) =>
    cell.call('/api/spans', { token: await cell.token('alice', 'acme'), body, headers });
  const posted = async (name: string, more: object = {}): Promise<SignedSpan> => {
    const { status, body } = await post(here, note(name, more));
    assert.equal(status, 201, JSON.stringify(body));
    return body.span;
  };
  const operator = (cell: TestStage0) => cell.token('system', 'system');
  const work = async (cell: TestStage0, query: string, token?: string) =>
    cell.call(`/api/work/acme?${query}`, { token: token ?? (await operator(cell)) });
  const take = async (cell: TestStage0, page: unknown, token?: string) =>
    cell.call('/api/work/acme', { token: token ?? (await operator(cell)), body: page });

  /** All pages of the work state here. */
  const pages = async (): Promise<Page[]> => {
    const found: Page[] = [];
    for (const kind of WORK_KINDS)
      for (let after: string | null = ''; after !== null; ) {
        const query: string = after === '' ? '' : `&after=${encodeURIComponent(after)}`;
        const { status, body } = await work(here, `kind=${kind}${query}`);
        assert.equal(status, 200, JSON.stringify(body));
        found.push(body);
        after = body.until;
      }
    return found;
  };

  /** Moves spans and work state of the tenant; the new cell stays frozen. */
  const move = async (): Promise<void> => {
    await Promise.all([freeze(here), freeze(there)]);
    // freeze has waited until the feed shows everything.
    const { body } = await here.call('/api/timeline?order=feed&tenant_id=acme&limit=1000', {
      token: await here.token('alice', 'acme'),
    });
    const imported = await there.call('/api/import', { token: await operator(there), body: body.spans });
    assert.equal(imported.status, 201, JSON.stringify(imported.body));
    const all = await pages();
    // Twice, as by an import that was interrupted and repeated.
    for (const page of [...all, ...all]) {
      const taken = await take(there, page);
      assert.equal(taken.status, 200, JSON.stringify(taken.body));
    }
  };

  it('a request that is repeated with its Idempotency-Key gets the recorded answer in the new cell', async () => {
    const key = { 'idempotency-key': 'key-1' };
    const one = await post(here, note('keyed'), key);
    const many = await post(here, [note('first'), note('second')], { 'idempotency-key': 'key-2' });
    assert.deepEqual([one.status, many.status], [201, 201]);
    await move();
    assert.equal(await thaw(there), true);
    const again = await post(there, note('keyed'), key);
    assert.deepEqual([again.status, again.body.span], [200, one.body.span]);
    const batch = await post(there, [note('first'), note('second')], { 'idempotency-key': 'key-2' });
    assert.deepEqual([batch.status, batch.body.spans], [200, many.body.spans]);
    assert.equal((await post(there, note('another body'), key)).status, 422);
    const [row] = await rows(
      there,
      `SELECT count(*)::int AS spans FROM ledger.universal_registry WHERE tenant_id = 'acme'`,
    );
    assert.equal(row?.spans, 3);
    const at = `SELECT key, at FROM app.idempotency_key WHERE tenant_id = 'acme' ORDER BY key`;
    assert.deepEqual(await rows(there, at), await rows(here, at), 'a key is free again when it was to be');
  });

  it("the day's usage continues to count, once", async () => {
    await posted('first');
    const day = `(now() AT TIME ZONE 'UTC')::date`;
    await rows(
      here,
      `INSERT INTO app.execution_quota (tenant_id, day, used, cpu_ms) VALUES ('acme', ${day}, 7, 12.5)`,
    );
    await rows(here, `INSERT INTO app.append_usage (tenant_id, day, bytes) VALUES ('acme', ${day}, 4096)`);
    await rows(
      there,
      `INSERT INTO app.execution_quota (tenant_id, day, used, cpu_ms) VALUES ('acme', ${day}, 2, 20)`,
    );
    await move();
    const used = `SELECT q.used, q.cpu_ms, u.bytes::int FROM app.execution_quota q, app.append_usage u`;
    assert.deepEqual(await rows(there, used), [{ used: 7, cpu_ms: 20, bytes: 4096 }]);
  });

  it('schedules resume where they were, and a function that ran once does not run again', async () => {
    const hourly = await posted('f', { entity_type: 'function', metadata: { schedule: '0 * * * *' } });
    const ran = await posted('g', { entity_type: 'function', status: 'scheduled' });
    const waits = await posted('h', { entity_type: 'function', status: 'scheduled' });
    await rows(
      here,
      `UPDATE app.function_schedule SET done_until = '2026-01-02T03:00:00Z', due_at = '2026-01-02T04:00:00Z'
        WHERE function_id = '${hourly.id}'`,
    );
    await rows(here, `DELETE FROM app.function_schedule WHERE function_id = '${ran.id}'`);
    await move();
    const schedules = `SELECT function_id, seq, once, due_at, done_until FROM app.function_schedule ORDER BY function_id`;
    const found = await rows(there, schedules);
    assert.deepEqual(found, await rows(here, schedules));
    assert.deepEqual(found.map(({ function_id }) => function_id).sort(), [hourly.id, waits.id].sort());
  });

  it('subjects keep the night that ruled on them, and open requests their attempts', async () => {
    await posted('c', { entity_type: 'contract' });
    await posted('o', { entity_type: 'request', status: 'scheduled' });
    await rows(here, `UPDATE app.ruling_queue SET ruled_on = '2026-01-02'`);
    await rows(here, `UPDATE app.request_queue SET attempt = 2, due_at = '2026-01-02T04:00:00Z'`);
    await move();
    const state = `SELECT q.subject_id, q.ruled_on::text, r.request_id, r.attempt, r.due_at FROM app.ruling_queue q, app.request_queue r`;
    const found = await rows(there, state);
    assert.deepEqual(found, await rows(here, state));
    assert.equal(found[0]?.attempt, 2);
  });

  it('a policy resumes after the last span that it saw, and knows its emissions', async () => {
    const policy = await posted('p', { entity_type: 'policy' });
    const seen = await posted('seen');
    const emitted = await posted('emitted');
    await posted('unseen');
    await rows(
      here,
      `UPDATE app.policy_cursor c SET tx_id = r.tx_id, ordinal = r.ordinal FROM ledger.universal_registry r WHERE r.id = '${seen.id}'`,
    );
    await rows(
      here,
      `INSERT INTO app.policy_emission (span_id, policy_id, depth) VALUES ('${emitted.id}', '${policy.id}', 3)`,
    );
    await move();
    const behind = await rows(
      there,
      `SELECT r.this FROM ledger.universal_registry r, app.policy_cursor c
        WHERE (r.tx_id, r.ordinal) > (c.tx_id, c.ordinal) AND r.tenant_id = 'acme' ORDER BY r.tx_id, r.ordinal`,
    );
    assert.deepEqual(
      behind.map((row) => row.this),
      ['emitted', 'unseen'],
    );
    const emissions = `SELECT span_id, policy_id, depth FROM app.policy_emission`;
    assert.deepEqual(await rows(there, emissions), [{ span_id: emitted.id, policy_id: policy.id, depth: 3 }]);
  });

  it('the ids of kernels stay those of the first cell, for this tenant alone', async () => {
    await posted('first');
    await move();
    const kernels = new Database({ connectionString: there.database.urls.kernel, poolSize: 1 });
    try {
      const salts = new TenantSalts(kernels);
      assert.equal(await salts.of('acme'), stableIdSalt(new KeyRing([here.key])));
      assert.equal(await salts.of('other'), undefined);
    } finally {
      await kernels.close();
    }
    // On to a third cell.
    const { body } = await work(there, 'kind=salt');
    assert.deepEqual(body.rows, [{ salt: stableIdSalt(new KeyRing([here.key])) }]);
  });

  it('comes in pages, none of which leaves out a row', async () => {
    await posted('first');
    await rows(
      here,
      `INSERT INTO app.idempotency_key (tenant_id, key, fingerprint, span_ids, span_seqs)
       SELECT 'acme', 'k' || n, 'f', ARRAY(SELECT gen_random_uuid() FROM generate_series(1, 40)), ARRAY(SELECT 0 FROM generate_series(1, 40))
         FROM generate_series(1, 2500) AS n`,
    );
    await rows(
      here,
      `INSERT INTO app.function_schedule (function_id, seq, tenant_id, owner_id, once)
       SELECT gen_random_uuid(), 0, 'acme', 'alice', false FROM generate_series(1, 2000)`,
    );
    await freeze(here);
    const all = await pages();
    const keysOf = (kind: string, name: string) =>
      all.filter((page) => page.kind === kind).flatMap((page) => page.rows.map((row) => row[name]));
    assert.equal(new Set(keysOf('idempotency_key', 'key')).size, 2_500);
    assert.equal(keysOf('idempotency_key', 'key').length, 2_500);
    assert.equal(new Set(keysOf('schedule', 'function_id')).size, 2_000);
    for (const page of all) assert.ok(JSON.stringify(page).length < 2 * 1024 * 1024);
    await freeze(there);
    for (const page of all) assert.equal((await take(there, page)).status, 200, page.kind);
  });

  it('moves while the tenant is frozen on that side, and not otherwise', async () => {
    assert.equal((await work(here, 'kind=quota')).status, 409);
    const page = {
      kind: 'quota',
      after: null,
      until: null,
      rows: [{ day: '2026-01-02', used: 1, cpu_ms: 0 }],
    };
    assert.equal((await take(there, page)).status, 409);
    await freeze(there);
    assert.equal((await take(there, page)).status, 200);
  });

  it('touches no other tenant, whatever the page says', async () => {
    const other = randomUUID();
    await rows(
      there,
      `INSERT INTO app.function_schedule (function_id, seq, tenant_id, owner_id, once) VALUES ('${other}', 0, 'other', 'bob', false)`,
    );
    await rows(
      there,
      `INSERT INTO app.request_queue (request_id, tenant_id, owner_id) VALUES ('${other}', 'other', 'bob')`,
    );
    const state = `SELECT s.due_at, s.done_until, r.attempt, r.due_at AS request_due_at FROM app.function_schedule s, app.request_queue r`;
    const before = await rows(there, state);
    await freeze(there);
    const due_at = '2026-01-02T04:00:00+00:00';
    for (const [kind, row] of [
      ['schedule', { function_id: other, seq: 0, due_at, done_until: due_at }],
      ['request', { request_id: other, attempt: 9, due_at }],
      ['policy', { policy_id: other, owner_id: 'bob', after_id: other, after_seq: 0 }],
      ['emission', { policy_id: other, span_id: other, depth: 1, at: due_at }],
    ] as const) {
      const { status, body } = await take(there, { kind, after: null, until: null, rows: [row] });
      assert.deepEqual([status, body.taken], [200, 0], kind);
    }
    assert.deepEqual(await rows(there, state), before);
  });

  it('is for the operator alone', async () => {
    await freeze(here);
    const page = { kind: 'salt', after: null, until: null, rows: [{ salt: 'a'.repeat(64) }] };
    for (const token of [
      await here.token('alice', 'acme'),
      await here.token('alice', 'acme', ['admin']),
      await here.token('system', 'system', ['spans:write']),
    ]) {
      assert.equal((await work(here, 'kind=salt', token)).status, 403);
      assert.equal((await take(here, page, token)).status, 403);
    }
    assert.deepEqual(await rows(here, 'SELECT FROM app.tenant_salt'), []);
  });

  it('refuses an invalid page of work state', async () => {
    await freeze(here);
    for (const page of [
      {},
      { kind: 'other', after: null, until: null, rows: [] },
      { kind: 'salt', after: null, until: null, rows: [{ salt: 'short' }] },
      {
        kind: 'subject',
        after: null,
        until: null,
        rows: [{ subject_id: randomUUID(), ruled_on: '2026-13-99' }],
      },
      { kind: 'schedule', after: 'no id', until: null, rows: [] },
    ])
      assert.equal((await take(here, page)).status, 400, JSON.stringify(page));
    for (const query of ['', 'kind=other', 'kind=schedule&after=x'])
      assert.equal((await work(here, query)).status, 400, query);
  });

  it('of a tenant without any is a salt', async () => {
    await freeze(here);
    const all = await pages();
    assert.deepEqual(
      all.map(({ kind, rows: found }) => [kind, found.length]),
      WORK_KINDS.map((kind) => [kind, kind === 'salt' ? 1 : 0]),
    );
  });
});

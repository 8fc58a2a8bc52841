import assert from 'node:assert/strict';
import { TURN_BYTES } from '../../runtime/base/fair-turns';
import type { SignedSpan } from '../../runtime/base/span';
import { generateSigningKey } from '../../runtime/crypto';
import { signedSpan, versionsOf } from '../support/spans';
import { withClient } from '../support/sql-session';
import { createTestStage0, type TestStage0 } from '../support/test-stage0';
import { until } from '../support/until';
import { seal } from '../unit/ledger/independent-span-check';

describe('import', () => {
  let stage0: TestStage0;
  let operator: string;
  const key = generateSigningKey();

  beforeEach(async () => {
    stage0 = await createTestStage0();
    operator = await stage0.token('system', 'system');
  });
  afterEach(() => stage0.close());

  const send = (spans: readonly unknown[], token = operator) =>
    stage0.call('/api/import', {
      token,
      raw: spans.map((span) => `${JSON.stringify(span)}\n`).join(''),
      headers: { 'content-type': 'application/x-ndjson' },
    });

  const rows = async (sql: string): Promise<readonly Record<string, unknown>[]> =>
    withClient(stage0.database.superuserUrl, async (client) => (await client.query(sql)).rows);

  const feedOf = async (user: string, last: string): Promise<SignedSpan[]> => {
    const token = await stage0.token(user, 'acme');
    let spans: SignedSpan[] = [];
    await until(`the feed shows ${last}`, async () => {
      const { body } = await stage0.call('/api/timeline?order=feed&tenant_id=acme', { token });
      spans = body.spans;
      return spans.at(-1)?.this === last;
    });
    return spans;
  };

  const bob = { owner_id: 'bob', visibility: 'tenant' } as const;

  it('signed spans of all owners arrive as they were, versions and order included', async () => {
    const versions = versionsOf(3, { this: 'entity' }, key);
    const spans = [
      signedSpan({ ...bob, this: 'first' }, key),
      ...versions,
      signedSpan(
        { ...bob, this: 'second', at: '2020-01-01T00:00:00.000Z', related_to: [versions[0]?.id ?? ''] },
        key,
      ),
      signedSpan({ owner_id: 'logline', visibility: 'tenant', entity_type: 'checkpoint' }, key),
      signedSpan({ this: 'last' }, key),
    ];
    const { status, body } = await send(spans);
    assert.equal(status, 201, JSON.stringify(body));
    assert.deepEqual(body, { success: true, count: 7, added: 7, present: 0 });
    assert.deepEqual(await feedOf('alice', 'last'), spans);
    const related = await stage0.call(`/api/timeline?related_to=${versions[0]?.id}`, {
      token: await stage0.token('alice', 'acme'),
    });
    assert.equal(related.body.count, 1);
  });

  it('a repeated import is 200 and changes nothing, and an interrupted one resumes', async () => {
    const spans = [...versionsOf(2, {}, key), signedSpan(bob, key)];
    assert.equal((await send(spans.slice(0, 1))).status, 201);
    assert.deepEqual((await send(spans)).body, { success: true, count: 3, added: 2, present: 1 });
    const again = await send(spans);
    assert.equal(again.status, 200);
    assert.deepEqual(again.body, { success: true, count: 3, added: 0, present: 3 });
  });

  it('does not start work of imported spans, while posting the same spans does', async () => {
    const spans = [
      signedSpan({ entity_type: 'request', status: 'scheduled' }, key),
      signedSpan({ entity_type: 'function', status: 'scheduled', metadata: { schedule: '* * * * *' } }, key),
      signedSpan({ entity_type: 'policy' }, key),
      signedSpan({ entity_type: 'contract' }, key),
    ];
    const work = async () =>
      (
        await rows(
          `SELECT (SELECT count(*) FROM app.request_queue WHERE tenant_id = 'acme') AS requests,
                  (SELECT count(*) FROM app.function_schedule WHERE tenant_id = 'acme') AS schedules,
                  (SELECT count(*) FROM app.policy_cursor WHERE tenant_id = 'acme') AS policies,
                  (SELECT count(*) FROM app.ruling_queue WHERE tenant_id = 'acme') AS subjects`,
        )
      ).map((row) => Object.values(row).map(Number))[0];
    assert.equal((await send(spans)).status, 201);
    assert.deepEqual(await work(), [0, 0, 0, 0]);
    const fresh = spans.map(({ entity_type, status, metadata }) => ({
      entity_type,
      who: 'alice',
      this: 'x',
      ...(status === undefined ? {} : { status }),
      ...(metadata === undefined ? {} : { metadata }),
    }));
    const posted = await stage0.call('/api/spans', {
      token: await stage0.token('alice', 'acme'),
      body: fresh,
    });
    assert.equal(posted.status, 201, JSON.stringify(posted.body));
    assert.deepEqual(await work(), [1, 1, 1, 1]);
  });

  it('a session of the API that sets the import mark itself still starts work', async () => {
    const span = signedSpan({ entity_type: 'request', status: 'scheduled' }, key);
    await withClient(stage0.database.appUrl, async (client) => {
      await client.query("SELECT set_config('app.importing', 'on', false)");
      await client.query('SELECT ledger.append_spans($1, $2, $3)', ['alice', 'acme', JSON.stringify([span])]);
    });
    assert.equal((await rows(`SELECT FROM app.request_queue WHERE request_id = '${span.id}'`)).length, 1);
  });

  it('a revoked token stays revoked where its tenant is moved to', async () => {
    const token = await stage0.token('alice', 'acme');
    const { jti } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
    assert.equal((await stage0.call('/api/me', { token })).status, 200);
    await send([signedSpan({ entity_type: 'token_revocation', this: jti }, key)]);
    assert.equal((await stage0.call('/api/me', { token })).status, 401);
  });

  it('a span of more values than a span may have today is taken, as it was taken once', async () => {
    const span = signedSpan(
      { this: 'many', metadata: { list: Array.from({ length: 60_000 }, () => 1) } },
      key,
    );
    assert.equal((await send([span])).status, 201);
    assert.equal((await send([span])).status, 200);
  });

  for (const [who, user, tenant, scope] of [
    ['a tenant', 'alice', 'acme', ['admin', 'spans:write']],
    ['the operator without scope admin', 'system', 'system', ['spans:write']],
  ] as const) {
    it(`${who} cannot import`, async () => {
      assert.equal((await send([signedSpan({}, key)], await stage0.token(user, tenant, scope))).status, 403);
    });
  }

  const [first, second] = versionsOf(2, {}, key);
  const mine = signedSpan({}, key);
  const elsewhere = signedSpan({ tenant_id: 'other' }, key);
  for (const [what, spans, status, detail] of [
    ['a changed span', [{ ...mine, this: 'changed' }], 422, /does not verify/],
    [
      'a signature over something else',
      [{ ...mine, signature: elsewhere.signature }],
      422,
      /does not verify/,
    ],
    ['a span without signature', [{ entity_type: 'note', who: 'a', this: 'b' }], 400, /import/],
    ['spans of two tenants', [mine, elsewhere], 400, /import/],
    ['a version without the one before', [second], 409, /no version/],
  ] as const) {
    it(`refuses ${what} and appends nothing of the request`, async () => {
      const good = signedSpan({ this: 'good' }, key);
      const { status: answered, body } = await send([good, ...spans]);
      assert.equal(answered, status, JSON.stringify(body));
      assert.match(body.detail, detail);
      assert.equal((await rows(`SELECT FROM ledger.universal_registry WHERE tenant_id = 'acme'`)).length, 0);
    });
  }

  it('names each span that does not verify by its place in the request', async () => {
    const good = signedSpan({ this: 'good' }, key);
    const { signature } = elsewhere;
    const { body: forged } = await send([good, { ...mine, signature }, good, { ...good, signature }]);
    assert.deepEqual(
      forged.errors.map(({ pointer }: { pointer: string }) => pointer),
      ['/1/signature', '/3/signature'],
    );
    const { body: changed } = await send([good, { ...mine, this: 'changed' }]);
    assert.equal(changed.errors[0].pointer, '/1');
  });

  it("reports a bad signature before the ledger's own checks", async () => {
    assert.equal((await send([first])).status, 201);
    const other = signedSpan({ id: first?.id ?? '', this: 'other' }, key);
    assert.equal((await send([{ ...other, signature: mine.signature }])).status, 422);
    assert.equal((await send([other])).status, 409);
  });

  it('every signature is verified in a request of which the ledger has a part', async () => {
    assert.equal((await send([first])).status, 201);
    assert.equal((await send([first, { ...mine, signature: elsewhere.signature }])).status, 422);
    assert.deepEqual((await send([first, mine])).body, { success: true, count: 2, added: 1, present: 1 });
  });

  it('hashes in turns of the thread: a span of many values in slices, many spans a few at a time', async () => {
    const { turns } = stage0.fairness;
    const take = turns.take.bind(turns);
    let pauses = 0;
    let waiting = 0;
    let mostWaiting = 0;
    turns.take = (tenant, bytes) => {
      if (bytes === TURN_BYTES) pauses += 1;
      mostWaiting = Math.max(mostWaiting, waiting);
      const turn = take(tenant, bytes);
      if (turn === undefined) return undefined;
      waiting += 1;
      return turn.then(() => {
        waiting -= 1;
      });
    };
    const large = signedSpan({ metadata: { many: Array(40_000).fill(1) } }, key);
    assert.equal((await send([large])).status, 201);
    assert.ok(pauses >= 9, `${pauses} pauses`);
    const many = Array.from({ length: 300 }, () => signedSpan({ this: 'x'.repeat(10_000) }, key));
    const before = turns.turns;
    assert.equal((await send(many)).status, 201);
    // Each byte is read once and hashed once.
    const least = (2 * 300 * 10_000) / TURN_BYTES;
    assert.ok(turns.turns - before >= least, `${turns.turns - before} turns`);
    assert.equal(mostWaiting, 0, 'work went on before its turn came');
  });

  const compare = (versions: readonly object[], token = operator, tenant_id = 'acme') =>
    stage0.call('/api/import/compare', { token, body: { tenant_id, versions } });
  const versionOf = ({ id, seq, owner_id, curr_hash }: SignedSpan) => ({ id, seq, owner_id, curr_hash });

  it('a comparison counts the versions held with their hash, and names the others', async () => {
    const spans = [
      ...versionsOf(2, {}, key),
      signedSpan(bob, key),
      signedSpan({ ...bob, visibility: 'private' }, key),
    ];
    assert.equal((await send(spans)).status, 201);
    const held = spans.map(versionOf);
    assert.deepEqual((await compare(held)).body, { success: true, count: 4, held: 4, missing: [] });
    const [one, two] = held;
    assert.ok(one && two);
    const missing = [
      versionOf(mine),
      { ...one, curr_hash: two.curr_hash },
      { ...two, seq: 2 },
      { ...one, owner_id: 'bob' },
    ];
    const { status, body } = await compare([...missing, ...held]);
    assert.equal(status, 200);
    assert.deepEqual(body, {
      success: true,
      count: 8,
      held: 4,
      missing: missing.map(({ id, seq }) => ({ id, seq })),
    });
    assert.equal((await compare(held, operator, 'other')).body.held, 0);
  });

  for (const [what, body] of [
    ['nothing', undefined],
    ['no versions', { tenant_id: 'acme', versions: [] }],
    [
      'more versions than a request holds',
      { tenant_id: 'acme', versions: Array(1_001).fill(versionOf(mine)) },
    ],
    [
      'a version without a hash',
      { tenant_id: 'acme', versions: [{ ...versionOf(mine), curr_hash: undefined }] },
    ],
    ['a member that it does not know', { tenant_id: 'acme', versions: [versionOf(mine)], more: 1 }],
  ] as const) {
    it(`refuses to compare ${what}`, async () => {
      const { status } = await stage0.call('/api/import/compare', { method: 'POST', token: operator, body });
      assert.equal(status, 400);
    });
  }

  for (const [who, user, tenant, scope] of [
    ['a tenant', 'alice', 'acme', ['admin', 'spans:write']],
    ['the operator without scope admin', 'system', 'system', ['spans:write']],
  ] as const) {
    it(`${who} cannot compare`, async () => {
      const token = await stage0.token(user, tenant, scope);
      assert.equal((await compare([versionOf(mine)], token)).status, 403);
    });
  }

  it('refuses a changed span also where the ledger has the original', async () => {
    assert.equal((await send([mine])).status, 201);
    assert.equal((await send([{ ...mine, this: 'changed' }])).status, 422);
    assert.equal((await send([mine])).status, 200);
  });

  it('refuses other content under an existing id of any owner', async () => {
    assert.equal((await send([first])).status, 201);
    const { id } = first ?? { id: '' };
    for (const other of [
      signedSpan({ id, this: 'other' }, key),
      signedSpan({ id, tenant_id: 'other' }, key),
      signedSpan({ ...bob, id }, key),
    ])
      assert.equal((await send([other])).status, 409);
  });

  it("refuses a version of another owner's entity", async () => {
    await send([first]);
    const theft = signedSpan({ ...bob, id: first?.id ?? '', seq: 1, prev_hash: first?.curr_hash ?? '' }, key);
    assert.equal((await send([theft])).status, 409);
  });

  it('accepts spans signed by another implementation', async () => {
    const { signature, curr_hash, public_key, ...rest } = signedSpan({ this: 'sealed' }, key);
    assert.ok(signature && curr_hash && public_key);
    assert.equal((await send([seal({ ...rest }, new Uint8Array(32).fill(3))])).status, 201);
  });
});

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { assertProblem } from '../support/problem';
import { createTestStage0, type TestStage0 } from '../support/test-stage0';
import { isSealed } from '../unit/ledger/independent-span-check';

const ORDERS = ['desc', 'asc', 'feed'];
type Found = { this: string; owner_id: string; tenant_id: string; visibility: string };

/** Strings with special meaning in SQL, shells, JSON, HTML or string splitting. */
const HOSTILE = [
  `'; DROP TABLE ledger.universal_registry; --`,
  `' OR '1'='1`,
  `" OR ""="`,
  `\\'; SELECT set_config('app.tenant_id', 'globex', true); --`,
  `$1 $2 $$ $body$`,
  `%' UNION SELECT * FROM app.migration_checksum --`,
  `E'\\x27'`,
  `{{7*7}} \${7*7} #{7*7}`,
  `<script>alert(1)</script>`,
  `../../etc/passwd`,
  `a\tb\nc\r\nd\u0001e\u2028f`,
  `NULL`,
  `😀 é e\u0301 \u202Ertl`,
  `:${'x'.repeat(50)}:`,
];

describe('tenant boundary over the API', () => {
  let stage0: TestStage0;
  before(async () => {
    stage0 = await createTestStage0();
  });
  after(() => stage0.close());

  const post = async (token: string, body: unknown) => {
    const answer = await stage0.call('/api/spans', { token, body });
    assert.equal(answer.status, 201, JSON.stringify(answer.body));
    return answer.body;
  };
  const list = async (token: string | undefined, query: Record<string, string>): Promise<Found[]> => {
    const answer = await stage0.call(
      `/api/timeline?${new URLSearchParams(query)}`,
      token === undefined ? {} : { token },
    );
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    return answer.body.spans;
  };

  it('two users of one name in two tenants are strangers', async () => {
    const [acme, globex] = [await stage0.token('alice', 'acme'), await stage0.token('alice', 'globex')];
    const spans = ['private', 'tenant', 'public'].map((visibility) => ({
      entity_type: 'namesake',
      who: 'alice',
      this: visibility,
      visibility,
    }));
    const posted = (await post(acme, spans)).spans as { id: string; visibility: string }[];
    const shown = (found: Found[]) => found.map((span) => span.this).sort();
    for (const order of ORDERS) {
      assert.deepEqual(shown(await list(acme, { entity_type: 'namesake', order })), [
        'private',
        'public',
        'tenant',
      ]);
      assert.deepEqual(shown(await list(globex, { entity_type: 'namesake', order })), ['public']);
      assert.deepEqual(shown(await list(undefined, { entity_type: 'namesake', order })), ['public']);
    }
    for (const { id, visibility } of posted) {
      const answer = await stage0.call(`/api/spans/${id}`, { token: globex });
      assert.equal(answer.status, visibility === 'public' ? 200 : 404);
      assertProblem(
        await stage0.call('/api/spans', {
          token: globex,
          body: { id, seq: 1, entity_type: 'n', who: 'w', this: 't' },
        }),
        visibility === 'public' ? 403 : 409,
      );
    }
  });

  it('no filter reaches over it, whatever it names', async () => {
    const [acme, globex] = [await stage0.token('alice', 'north'), await stage0.token('mallory', 'south')];
    const parent = randomUUID();
    const secret = {
      entity_type: 'secret',
      who: 'alice',
      did: 'kept',
      this: 'secret',
      status: 'active',
      name: 'vault',
      trace_id: 'trace',
      parent_id: parent,
      related_to: [parent],
      visibility: 'tenant',
    };
    const { span } = await post(acme, secret);
    const { related_to: _related, this: _this, ...filters } = secret;
    const asked: Record<string, string>[] = [
      ...Object.entries({ ...filters, owner_id: 'alice', tenant_id: 'north', related_to: parent }).map(
        ([name, value]) => ({ [name]: value }),
      ),
      { ...filters, tenant_id: 'north', owner_id: 'alice' },
      { since: '0001-01-01T00:00:00Z', until: '9999-12-31T23:59:59Z' },
      {},
    ];
    for (const order of ORDERS) {
      for (const query of asked) {
        for (const reader of [globex, undefined]) {
          const found = await list(reader, { ...query, order, limit: '1000' });
          const foreign = found.filter((one) => one.tenant_id === 'north' && one.visibility !== 'public');
          assert.deepEqual(foreign, [], JSON.stringify(query));
        }
        assert.ok(
          (await list(acme, { ...query, order, limit: '1000' })).some((one) => one.this === 'secret'),
          JSON.stringify(query),
        );
      }
    }
    assertProblem(await stage0.call(`/api/spans/${span.id}`, { token: globex }), 404);
    assertProblem(await stage0.call(`/api/spans/${span.id}?seq=0`, { token: globex }), 404);
    assertProblem(await stage0.call(`/api/spans/${span.id}`), 404);
  });

  it('another owner_id or tenant_id is refused, alone and in a batch', async () => {
    const token = await stage0.token('alice', 'acme');
    const good = { entity_type: 'forged', who: 'alice', this: 'x' };
    for (const more of [
      { owner_id: 'bob' },
      { tenant_id: 'globex' },
      { owner_id: 'alice', tenant_id: 'globex' },
      { owner_id: 'ALICE' },
      { owner_id: 'alice ' },
    ]) {
      assertProblem(await stage0.call('/api/spans', { token, body: { ...good, ...more } }), 403);
      assertProblem(await stage0.call('/api/spans', { token, body: [good, { ...good, ...more }] }), 403);
    }
    assert.deepEqual(await list(token, { entity_type: 'forged' }), []);
    const own = await stage0.call('/api/spans', {
      token,
      body: { ...good, owner_id: 'alice', tenant_id: 'acme' },
    });
    assert.equal(own.status, 201);
  });

  it('a manifest of another tenant shows only when it is public, and never in place of one’s own', async () => {
    const [acme, globex] = [await stage0.token('alice', 'acme'), await stage0.token('alice', 'globex')];
    const manifest = (visibility: string, text: string) => ({
      entity_type: 'manifest',
      name: 'plan',
      who: 'a',
      this: text,
      visibility,
    });
    await post(acme, manifest('tenant', 'of acme'));
    assertProblem(await stage0.call('/api/manifest/plan', { token: globex }), 404);
    assertProblem(await stage0.call('/api/manifest/plan'), 404);
    await post(globex, manifest('public', 'of globex'));
    assert.equal((await stage0.call('/api/manifest/plan', { token: acme })).body.manifest.this, 'of acme');
    assert.equal((await stage0.call('/api/manifest/plan')).body.manifest.this, 'of globex');
    for (const name of ['pl%25an', '%00', '%ff', "'%3B--", '%2e%2e', '..%2f', 'x'.repeat(5_000), '%']) {
      assertProblem(await stage0.call(`/api/manifest/${name}`, { token: acme }), 404);
    }
  });

  it('the newest version of a manifest counts, whatever moment an older one claims', async () => {
    const token = await stage0.token('carol', 'acme');
    const base = { id: randomUUID(), entity_type: 'manifest', name: 'dated', who: 'carol' };
    await post(token, { ...base, this: 'old', at: '2090-01-01T00:00:00Z' });
    await post(token, { ...base, this: 'new', seq: 1 });
    assert.equal((await stage0.call('/api/manifest/dated', { token })).body.manifest.this, 'new');
  });

  it('SQL in any string is text: stored, found and returned as it was sent', async () => {
    for (const text of HOSTILE) {
      const token = await stage0.token('alice', 'acme');
      const body = {
        entity_type: text,
        who: text,
        did: text,
        this: text,
        status: text,
        name: text,
        description: text,
        code: text,
        language: text,
        runtime: text,
        trace_id: text,
        input: { [text]: text },
        output: [text],
        error: text,
        metadata: { [text]: { [text]: [text] } },
      };
      const { span } = await post(token, body);
      assert.ok(isSealed(span));
      for (const [member, value] of Object.entries(body)) assert.deepEqual(span[member], value, member);
      for (const filter of ['entity_type', 'who', 'did', 'status', 'name', 'trace_id']) {
        const found = await list(token, { [filter]: text });
        assert.deepEqual(found, [span], `${filter}=${text}`);
      }
      assert.equal((await stage0.call(`/api/manifest/${encodeURIComponent(text)}`, { token })).status, 404);
      const keyed = await stage0.call('/api/spans', {
        token,
        body,
        headers: { 'idempotency-key': encodeURIComponent(text).replaceAll('%20', '+') },
      });
      assert.equal(keyed.status, 201);
      for (const path of [
        `/api/spans/${encodeURIComponent(text)}`,
        `/api/timeline?cursor=${encodeURIComponent(text)}`,
        `/api/timeline?limit=${encodeURIComponent(text)}`,
        `/api/timeline?since=${encodeURIComponent(text)}`,
        `/api/timeline?parent_id=${encodeURIComponent(text)}`,
      ]) {
        assertProblem(await stage0.call(path, { token }), 400);
      }
    }
  });

  it('names that are SQL are tenants and users like any other', async () => {
    const names = HOSTILE.filter((text) => !/\p{Cc}/u.test(text));
    for (const [index, name] of names.entries()) {
      const other = names[(index + 1) % names.length] ?? '';
      const mine = await stage0.token(name, name);
      const { span } = await post(mine, { entity_type: 'named', who: 'w', this: 't', visibility: 'tenant' });
      assert.deepEqual([span.owner_id, span.tenant_id], [name, name]);
      assert.deepEqual(await list(mine, { entity_type: 'named' }), [span]);
      assert.deepEqual(
        (await list(await stage0.token(name, other), { entity_type: 'named' })).filter(
          (one) => one.tenant_id === name,
        ),
        [],
      );
    }
  });

  it('a tenant and a user whose joined names equal those of others stay apart', async () => {
    const pairs = [
      ['a', 'bc'],
      ['ab', 'c'],
      ['1:a', 'b'],
      ['a:b', 'c'],
      ['a', 'b:c'],
      ['2:a', 'bc'],
      ['😀', 'a'],
      ['😀a', ''],
    ].filter(([, user]) => user !== '');
    const tokens = await Promise.all(pairs.map(([tenant = '', user = '']) => stage0.token(user, tenant)));
    for (const [index, token] of tokens.entries())
      await post(token, { entity_type: 'joined', who: 'w', this: String(index) });
    for (const [index, token] of tokens.entries()) {
      for (const order of ORDERS) {
        const found = await list(token, { entity_type: 'joined', order });
        assert.deepEqual(
          found.map((span) => span.this),
          [String(index)],
          `${pairs[index]} ${order}`,
        );
      }
    }
  });
});

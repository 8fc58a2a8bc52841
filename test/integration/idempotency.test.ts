import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { assertProblem } from '../support/problem';
import { withClient } from '../support/sql-session';
import { createTestStage0, type TestStage0 } from '../support/test-stage0';

const good = { entity_type: 'note', who: 'alice', this: 'hello' };

describe('Idempotency-Key', () => {
  let stage0: TestStage0;
  let token: string;
  before(async () => {
    stage0 = await createTestStage0();
    token = await stage0.token('alice', 'acme');
  });
  after(() => stage0.close());

  const post = (key: string, body: unknown, by: string = token) =>
    stage0.call('/api/spans', { token: by, body, headers: { 'idempotency-key': key } });
  const count = async (kind: string, by: string = token): Promise<number> =>
    (await stage0.call(`/api/timeline?entity_type=${kind}`, { token: by })).body.count;

  it('same key and body: the stored spans with 200, one or many', async () => {
    for (const body of [
      { ...good, entity_type: 'once' },
      [
        { ...good, entity_type: 'once' },
        { ...good, entity_type: 'once' },
      ],
    ]) {
      const key = randomUUID();
      const first = await post(key, body);
      assert.equal(first.status, 201);
      const { success: _success, ...stored } = first.body;
      for (let again = 0; again < 3; again += 1) {
        const replayed = await post(key, body);
        assert.equal(replayed.status, 200);
        assert.equal(replayed.body.success, true);
        const { success: _again, ...answer } = replayed.body;
        assert.deepEqual(answer, stored);
      }
    }
    assert.equal(await count('once'), 3);
  });

  it('the same JSON in another spelling is the same body', async () => {
    const key = randomUUID();
    const first = await post(key, { ...good, metadata: { a: 1, b: 2 } });
    const again = await stage0.call('/api/spans', {
      token,
      raw: `{"this":"hello", "metadata":{"b":2.0,"a":1}, "who":"alice","entity_type":"note", "did":null}`,
      headers: { 'idempotency-key': `"${key}"` },
    });
    assert.equal(again.status, 200, JSON.stringify(again.body));
    assert.deepEqual(again.body.span, first.body.span);
  });

  it('same key, other body: 422, and nothing is stored', async () => {
    const key = randomUUID();
    await post(key, { ...good, entity_type: 'reused' });
    assertProblem(await post(key, { ...good, entity_type: 'reused', this: 'other' }), 422);
    assertProblem(await post(key, { ...good, entity_type: 'reused', metadata: { deep: { a: 1 } } }), 422);
    assertProblem(await post(key, [{ ...good, entity_type: 'reused' }, good]), 422);
    assert.equal(await count('reused'), 1);
  });

  it('expires after 30 days: then the same key stands for a new request', async () => {
    const key = randomUUID();
    const first = await post(key, { ...good, entity_type: 'aged' });
    const age = (days: number) =>
      withClient(stage0.database.superuserUrl, (client) =>
        client.query('UPDATE app.idempotency_key SET at = now() - make_interval(days => $2) WHERE key = $1', [
          key,
          days,
        ]),
      );
    await age(29);
    assertProblem(await post(key, { ...good, entity_type: 'aged', this: 'other' }), 422);
    assert.equal((await post(key, { ...good, entity_type: 'aged' })).status, 200);
    await age(31);
    const again = await post(key, { ...good, entity_type: 'aged', this: 'other' });
    assert.equal(again.status, 201, JSON.stringify(again.body));
    assert.notEqual(again.body.span.id, first.body.span.id);
    assert.equal((await post(key, { ...good, entity_type: 'aged', this: 'other' })).status, 200);
    assertProblem(await post(key, { ...good, entity_type: 'aged' }), 422);
  });

  it('is the tenant’s: another tenant uses the same key freely, another user of the tenant gets 422', async () => {
    const key = randomUUID();
    const [bob, stranger] = [await stage0.token('bob', 'acme'), await stage0.token('alice', 'globex')];
    const body = { ...good, entity_type: 'tenants' };
    const mine = await post(key, body);
    assert.equal(mine.status, 201);
    const theirs = await post(key, body, stranger);
    assert.equal(theirs.status, 201);
    assert.notEqual(theirs.body.span.id, mine.body.span.id);
    const answer = await post(key, body, bob);
    assertProblem(answer, 422);
    assert.ok(!JSON.stringify(answer.body).includes(mine.body.span.id));
    assert.equal(await count('tenants', bob), 0);
  });

  it('a request that failed leaves no key behind', async () => {
    const taken = (await stage0.call('/api/spans', { token, body: good })).body.span;
    const failures: readonly (readonly [unknown, number])[] = [
      [{ who: 1 }, 400],
      [{ ...good, tenant_id: 'globex' }, 403],
      [
        [
          { ...good, entity_type: 'failed' },
          { ...good, id: taken.id, seq: 9 },
        ],
        409,
      ],
      [{ ...good, id: taken.id, this: 'other content' }, 409],
      [
        [
          { ...good, entity_type: 'failed' },
          { ...good, id: taken.id, seq: 1, prev_hash: 'ab'.repeat(32) },
        ],
        409,
      ],
    ];
    for (const [body, status] of failures) {
      const key = randomUUID();
      assertProblem(await post(key, body), status);
      assertProblem(await post(key, body), status);
      assert.equal((await post(key, good)).status, 201, 'the key is free for the corrected request');
    }
    assert.equal(await count('failed'), 0);
  });

  it('concurrent requests with one key store one set of spans, and all get it', async () => {
    for (let round = 0; round < 5; round += 1) {
      const key = randomUUID();
      const kind = `concurrent_${round}`;
      const body = [
        { ...good, entity_type: kind },
        { ...good, entity_type: kind, this: 'second' },
      ];
      const answers = await Promise.all(Array.from({ length: 8 }, () => post(key, body)));
      const statuses = answers.map(({ status }) => status).sort();
      assert.deepEqual(statuses, [200, 200, 200, 200, 200, 200, 200, 201]);
      for (const answer of answers) assert.deepEqual(answer.body.spans, answers[0]?.body.spans);
      assert.equal(await count(kind), 2);
    }
  });

  it('concurrent requests with one key and different bodies: one is stored, the others get 422', async () => {
    const key = randomUUID();
    const answers = await Promise.all(
      Array.from({ length: 6 }, (_, index) =>
        post(key, { ...good, entity_type: 'torn', this: String(index) }),
      ),
    );
    assert.deepEqual(answers.map(({ status }) => status).sort(), [201, 422, 422, 422, 422, 422]);
    assert.equal(await count('torn'), 1);
  });

  it('many keys at once do not get in each other’s way, in whatever order they arrive', async () => {
    const keys = Array.from({ length: 40 }, () => randomUUID());
    const bodyOf = (key: string) => ({ ...good, entity_type: 'keyed', this: key });
    const shuffled = [...keys, ...keys.toReversed(), ...keys.toSorted()];
    const answers = await Promise.all(shuffled.map((key) => post(key, bodyOf(key))));
    for (const [index, answer] of answers.entries()) {
      assert.ok([200, 201].includes(answer.status), JSON.stringify(answer.body));
      assert.equal(answer.body.span.this, shuffled[index]);
    }
    assert.equal(await count('keyed'), 40);
  });

  it('stands with the spans it was used for: both are in one transaction', async () => {
    const key = randomUUID();
    const { body } = await post(key, good);
    const rows = await withClient(stage0.database.superuserUrl, async (superuser) => {
      const result = await superuser.query(
        `SELECT k.span_ids, r.xmin::text = k.xmin::text AS together
           FROM app.idempotency_key k JOIN ledger.universal_registry r ON r.id = ANY (k.span_ids) WHERE k.key = $1`,
        [key],
      );
      return result.rows;
    });
    assert.deepEqual(rows, [{ span_ids: [body.span.id], together: true }]);
  });
});

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { assertProblem } from '../support/problem';
import { createTestStage0, type TestStage0 } from '../support/test-stage0';
import { isSealed } from '../unit/ledger/independent-span-check';

const good = { entity_type: 'note', who: 'alice', this: 'hello' };

describe('versions over the API', () => {
  let stage0: TestStage0;
  let token: string;
  before(async () => {
    stage0 = await createTestStage0();
    token = await stage0.token('alice', 'acme');
  });
  after(() => stage0.close());

  const post = (body: unknown, by: string = token) => stage0.call('/api/spans', { token: by, body });
  const first = async (more: object = {}) => (await post({ ...good, ...more })).body.span;
  const versionsOf = async (id: string): Promise<{ seq: number; prev_hash?: string; curr_hash: string }[]> =>
    (await stage0.call(`/api/spans/${id}`, { token })).body.versions;

  it('form a chain that anyone can check from the answers alone', async () => {
    const { id } = await first();
    for (let seq = 1; seq <= 3; seq += 1)
      assert.equal((await post({ ...good, id, seq, this: `v${seq}` })).status, 201);
    const versions = await versionsOf(id);
    assert.deepEqual(
      versions.map(({ seq }) => seq),
      [0, 1, 2, 3],
    );
    assert.equal(versions[0]?.prev_hash, undefined);
    for (const [index, version] of versions.entries()) {
      assert.ok(isSealed({ ...version }));
      if (index > 0) assert.equal(version.prev_hash, versions[index - 1]?.curr_hash);
    }
    const second = await stage0.call(`/api/spans/${id}?seq=2`, { token });
    assert.deepEqual(second.body.span, versions[2]);
    assertProblem(await stage0.call(`/api/spans/${id}?seq=4`, { token }), 404);
    assertProblem(await stage0.call(`/api/spans/${id}?seq=9999999999`, { token }), 404);
    for (const seq of ['-1', '1.0', 'x', '', '01']) {
      assertProblem(await stage0.call(`/api/spans/${id}?seq=${seq}`, { token }), 400, ['/seq']);
    }
  });

  it('refuse a gap, also one that starts in the middle', async () => {
    const { id } = await first();
    assertProblem(await post({ ...good, id, seq: 2 }), 409);
    assertProblem(await post({ ...good, id, seq: 2, prev_hash: 'ab'.repeat(32) }), 409);
    assertProblem(await post({ ...good, id: randomUUID(), seq: 1 }), 409);
    assertProblem(
      await post([
        { ...good, id, seq: 1 },
        { ...good, id, seq: 3 },
      ]),
      409,
    );
    assert.equal((await versionsOf(id)).length, 1);
  });

  it('refuse a fork', async () => {
    const { id } = await first();
    assertProblem(await post({ ...good, id, seq: 1, prev_hash: 'ab'.repeat(32) }), 409);
    assert.equal((await post({ ...good, id, seq: 1, this: 'one' })).status, 201);
    assertProblem(await post({ ...good, id, seq: 1, this: 'other' }), 409);
  });

  it('sent again with the same content are the stored ones: 200', async () => {
    const id = randomUUID();
    const sent = { ...good, id, metadata: { b: 1, a: [1.0, 'x'] } };
    const created = await post(sent);
    assert.equal(created.status, 201);
    const again = await post({ ...sent, id: id.toUpperCase(), metadata: { a: [1, 'x'], b: 1 }, did: null });
    assert.equal(again.status, 200);
    assert.deepEqual(again.body.span, created.body.span);
    // The returned span in full counts as the same content, too.
    const { curr_hash: _hash, signature: _signature, public_key: _key, ...returned } = created.body.span;
    assert.equal((await post(returned)).status, 200);
    assert.equal((await post(created.body.span)).status, 200);
  });

  it('sent again with other content are refused: 409, whatever differs', async () => {
    const id = randomUUID();
    await post({ ...good, id, metadata: { a: { b: 1 } }, at: '2025-01-01T00:00:00Z' });
    for (const more of [
      { this: 'other' },
      { metadata: { a: { b: 2 } } },
      { metadata: null },
      { did: 'added' },
      { at: '2025-01-01T00:00:00.001Z' },
      { visibility: 'public' },
      { is_deleted: true },
      { status: 'active' },
    ]) {
      const sent = { ...good, id, metadata: { a: { b: 1 } }, at: '2025-01-01T00:00:00Z', ...more };
      assertProblem(await post(sent), 409);
    }
  });

  it('of writers racing for one seq, exactly one wins and the others hear 409', async () => {
    for (let round = 0; round < 5; round += 1) {
      const { id } = await first();
      const answers = await Promise.all(
        Array.from({ length: 8 }, (_, racer) => post({ ...good, id, seq: 1, this: `racer ${racer}` })),
      );
      const won = answers.filter(({ status }) => status === 201);
      assert.equal(won.length, 1, answers.map(({ status }) => status).join());
      for (const answer of answers) if (answer !== won[0]) assertProblem(answer, 409);
      assert.deepEqual((await versionsOf(id)).at(-1), won[0]?.body.span);
    }
  });

  it('of writers racing with the same content, all succeed and one row is stored', async () => {
    const id = randomUUID();
    const answers = await Promise.all(Array.from({ length: 8 }, () => post({ ...good, id })));
    assert.ok(
      answers.every(({ status }) => status === 201 || status === 200),
      answers.map((a) => a.status).join(),
    );
    assert.equal(new Set(answers.map(({ body }) => body.span.curr_hash)).size, 1);
    assert.equal((await versionsOf(id)).length, 1);
  });

  it('can be appended by the owner only, and hidden entities look missing to others', async () => {
    const strangers = [await stage0.token('bob', 'acme'), await stage0.token('alice', 'globex')];
    const [bob = '', namesake = ''] = strangers;
    const shared = await first({ visibility: 'public' });
    for (const stranger of strangers)
      assertProblem(await post({ ...good, id: shared.id, seq: 1 }, stranger), 403);
    const hidden = await first();
    for (const stranger of strangers) {
      assertProblem(await post({ ...good, id: hidden.id, seq: 1 }, stranger), 409);
      assertProblem(await post({ ...good, id: hidden.id }, stranger), 409);
      assertProblem(await stage0.call(`/api/spans/${hidden.id}`, { token: stranger }), 404);
    }
    const forTenant = await first({ visibility: 'tenant' });
    assertProblem(await post({ ...good, id: forTenant.id, seq: 1 }, bob), 403);
    assertProblem(await post({ ...good, id: forTenant.id, seq: 1 }, namesake), 409);
    for (const { id } of [shared, hidden, forTenant]) assert.equal((await versionsOf(id)).length, 1);
  });

  it('mark a deletion, which hides the entity from the timeline and keeps its history', async () => {
    const { id } = await first({ entity_type: 'doomed', visibility: 'public' });
    assert.equal((await post({ ...good, id, seq: 1, entity_type: 'doomed', is_deleted: true })).status, 201);
    for (const reader of [token, await stage0.token('bob', 'acme'), await stage0.token('x', 'globex')]) {
      for (const order of ['desc', 'asc']) {
        const page = await stage0.call(`/api/timeline?entity_type=doomed&order=${order}`, { token: reader });
        assert.deepEqual(page.body.spans, []);
      }
    }
    assert.deepEqual(
      (await versionsOf(id)).map(({ seq }) => seq),
      [0, 1],
    );
  });

  describe('in one batch', () => {
    it('follow each other without naming a hash, and keep the order in which they were sent', async () => {
      const id = randomUUID();
      const other = randomUUID();
      const batch = [
        { ...good, id },
        { ...good, id: other },
        { ...good, id, seq: 1 },
        { ...good, id, seq: 2 },
        { ...good, id: other, seq: 1 },
      ];
      const answer = await post(batch);
      assert.equal(answer.status, 201, JSON.stringify(answer.body));
      assert.deepEqual(
        answer.body.spans.map((span: { id: string; seq: number }) => [span.id, span.seq]),
        batch.map((span) => [span.id, 'seq' in span ? span.seq : 0]),
      );
      const versions = await versionsOf(id);
      assert.equal(versions[1]?.prev_hash, versions[0]?.curr_hash);
      assert.equal(versions[2]?.prev_hash, versions[1]?.curr_hash);
    });

    it('refuse the same version twice with other content, and everything with it', async () => {
      const id = randomUUID();
      const fine = randomUUID();
      assertProblem(
        await post([
          { ...good, id: fine },
          { ...good, id },
          { ...good, id, this: 'other' },
        ]),
        409,
      );
      for (const lost of [id, fine]) assertProblem(await stage0.call(`/api/spans/${lost}`, { token }), 404);
    });

    it('count once when the same one is sent twice', async () => {
      const id = randomUUID();
      const answer = await post([
        { ...good, id },
        { ...good, id },
      ]);
      assert.equal(answer.status, 201, JSON.stringify(answer.body));
      assert.deepEqual(answer.body.spans[0], answer.body.spans[1]);
      assert.equal((await versionsOf(id)).length, 1);
    });

    it('continue after a retry of which a part was stored before', async () => {
      const id = randomUUID();
      const stored = (await post({ ...good, id })).body.span;
      const batch = [
        { ...good, id },
        { ...good, id, seq: 1 },
        { ...good, id, seq: 2 },
      ];
      const answer = await post(batch);
      assert.equal(answer.status, 201, JSON.stringify(answer.body));
      assert.deepEqual(answer.body.spans[0], stored);
      assert.equal(answer.body.spans[1].prev_hash, stored.curr_hash);
      const again = await post(batch);
      assert.equal(again.status, 200);
      assert.deepEqual(again.body.spans, answer.body.spans);
      for (const span of again.body.spans) assert.ok(isSealed(span));
    });

    it('are stored all or not at all, whatever the fault of one', async () => {
      const taken = await first();
      const faults = [
        { ...good, id: taken.id, this: 'other content' },
        { ...good, id: taken.id, seq: 5 },
        { ...good, owner_id: 'bob' },
        { ...good, tenant_id: 'globex' },
        { ...good, id: taken.id, seq: 1, prev_hash: 'ab'.repeat(32) },
      ];
      for (const fault of faults) {
        const ids = [randomUUID(), randomUUID()];
        const answer = await post([{ ...good, id: ids[0] }, fault, { ...good, id: ids[1] }]);
        assert.ok([403, 409].includes(answer.status), JSON.stringify(answer.body));
        for (const id of ids) assertProblem(await stage0.call(`/api/spans/${id}`, { token }), 404);
      }
    });
  });
});

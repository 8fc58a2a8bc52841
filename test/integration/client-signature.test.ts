import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { CLIENT_KEY, clientSpan, unsealedSpan } from '../support/client-span';
import { assertProblem } from '../support/problem';
import { createTestStage0, type TestStage0 } from '../support/test-stage0';
import { isSealed, seal } from '../unit/ledger/independent-span-check';

describe('client signature', () => {
  let stage0: TestStage0;
  let token: string;
  before(async () => {
    stage0 = await createTestStage0();
    token = await stage0.token('alice', 'acme');
  });
  after(() => stage0.close());

  const post = (body: unknown) => stage0.call('/api/spans', { token, body });

  it('a span sealed by another implementation is stored and returned as it was sent', async () => {
    const span = clientSpan({ related_to: [randomUUID()], input: { n: 1e21, m: 0.1, s: 'ü' }, did: 'wrote' });
    const answer = await post(span);
    assert.equal(answer.status, 201, JSON.stringify(answer.body));
    assert.deepEqual(answer.body.span, span);
    const read = await stage0.call(`/api/spans/${span.id}`, { token });
    assert.deepEqual(read.body.span, span);
    assert.ok(isSealed(read.body.span));
  });

  it('versions are signed by the client, too, and may change the key', async () => {
    const first = clientSpan();
    const second = clientSpan(
      { id: first.id, seq: 1, prev_hash: first.curr_hash },
      new Uint8Array(32).fill(8),
    );
    assert.equal((await post([first, second])).status, 201);
    const third = await post({
      id: first.id,
      seq: 2,
      entity_type: 'note',
      who: 'alice',
      this: 'by the server',
    });
    assert.equal(third.status, 201, JSON.stringify(third.body));
    assert.equal(third.body.span.prev_hash, second.curr_hash);
  });

  it('over other content is refused, whichever member was changed', async () => {
    const span = clientSpan({ did: 'wrote', name: 'n', status: 's' });
    const changes: Record<string, unknown> = {
      id: randomUUID(),
      entity_type: 'other',
      who: 'bob',
      did: 'read',
      this: 'other',
      at: '2025-06-01T12:00:00.001Z',
      visibility: 'public',
      is_deleted: true,
      name: 'm',
      status: null,
      metadata: { nested: { list: [1, { deep: 'changed' }] } },
      public_key: 'ab'.repeat(32),
      curr_hash: 'ab'.repeat(32),
      signature: 'ab'.repeat(64),
      trace_id: 'added',
    };
    for (const [member, value] of Object.entries(changes)) {
      assertProblem(await post({ ...span, [member]: value }), 422);
    }
    assertProblem(await stage0.call(`/api/spans/${span.id}`, { token }), 404);
  });

  it('nested content is covered: changing, adding, removing or moving anything in it breaks the hash', async () => {
    const span = clientSpan({ metadata: { a: { b: [1, { c: 'x' }, null] }, d: {} } });
    const tampered = [
      { a: { b: [1, { c: 'y' }, null] }, d: {} },
      { a: { b: [2, { c: 'x' }, null] }, d: {} },
      { a: { b: [{ c: 'x' }, 1, null] }, d: {} },
      { a: { b: [1, { c: 'x' }] }, d: {} },
      { a: { b: [1, { c: 'x' }, null] }, d: { e: 1 } },
      { a: { b: [1, { c: 'x' }, null] } },
      { a: { b: [1, { c: 'x', e: null }, null] }, d: {} },
      { a: { b: [1, { C: 'x' }, null] }, d: {} },
      {},
    ];
    for (const metadata of tampered) assertProblem(await post({ ...span, metadata }), 422);
    assert.equal(
      (await post({ ...span, metadata: { d: {}, a: { b: [1.0, { c: 'x' }, null] } } })).status,
      201,
    );
  });

  it('must be whole: nothing is filled in for the client, and every missing member is named', async () => {
    const whole = clientSpan();
    for (const member of [
      'id',
      'seq',
      'at',
      'owner_id',
      'tenant_id',
      'visibility',
      'is_deleted',
      'public_key',
      'curr_hash',
    ]) {
      const { [member]: _left, ...rest } = whole;
      assertProblem(await post(rest), 400, [`/${member}`]);
    }
    const { entity_type, who, this: subject, signature } = whole;
    assertProblem(await post({ entity_type, who, this: subject, signature }), 400, [
      '/id',
      '/seq',
      '/at',
      '/owner_id',
      '/tenant_id',
      '/visibility',
      '/is_deleted',
      '/public_key',
      '/curr_hash',
    ]);
    assertProblem(await post(clientSpan({ seq: 1 })), 400, ['/prev_hash']);
  });

  it('in another spelling than the hash covers is refused instead of stored unverifiable', async () => {
    const id = randomUUID().toUpperCase();
    for (const more of [
      { id },
      { parent_id: id },
      { related_to: [id] },
      { at: '2025-06-01T12:00:00Z' },
      { at: '2025-06-01T14:00:00.000+02:00' },
    ]) {
      assertProblem(await post(clientSpan(more)), 400);
    }
    const span = clientSpan();
    assertProblem(await post({ ...span, signature: String(span.signature).toUpperCase() }), 400, [
      '/signature',
    ]);
  });

  it("does not change the client's identity", async () => {
    assertProblem(await post(clientSpan({ owner_id: 'bob' })), 403);
    assertProblem(await post(clientSpan({ tenant_id: 'globex' })), 403);
  });

  it('one bad span refuses the whole batch', async () => {
    const fine = clientSpan();
    assertProblem(await post([fine, { ...clientSpan(), who: 'changed' }]), 422);
    assertProblem(await stage0.call(`/api/spans/${fine.id}`, { token }), 404);
  });

  it('sent again is the same span; the same content sealed by another key is not', async () => {
    const content = unsealedSpan();
    const span = seal(content, CLIENT_KEY);
    assert.equal((await post(span)).status, 201);
    const again = await post(span);
    assert.equal(again.status, 200);
    assert.deepEqual(again.body.span, span);
    assertProblem(await post(seal(content, new Uint8Array(32).fill(9))), 409);
  });
});

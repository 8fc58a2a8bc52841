import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { assertProblem } from '../support/problem';
import { type Answer, createTestStage0, type TestStage0 } from '../support/test-stage0';

const good = { entity_type: 'note', who: 'alice', this: 'hello' };
const NO_HASH = 'ab'.repeat(32);

describe('a batch in conflict with the ledger', () => {
  let stage0: TestStage0;
  let token: string;
  let stranger: string;
  before(async () => {
    stage0 = await createTestStage0();
    token = await stage0.token('alice', 'acme');
    stranger = await stage0.token('mallory', 'globex');
  });
  after(() => stage0.close());

  const post = (body: unknown, by: string = token) => stage0.call('/api/spans', { token: by, body });
  const stored = async (more: object = {}, by: string = token) => {
    const answer = await post({ ...good, ...more }, by);
    assert.equal(answer.status, 201, JSON.stringify(answer.body));
    return answer.body.span;
  };
  /** Pointer → the first word of the reason. */
  const reasons = ({ body }: Answer): Record<string, string> =>
    Object.fromEntries(
      body.errors.map(({ pointer, detail }: Record<string, string>) => [
        pointer,
        /gap|fork|taken/.exec(detail ?? '')?.[0],
      ]),
    );

  it('gets every conflicting span with its reason (taken, gap or fork), and no others', async () => {
    const one = await stored();
    const two = await stored();
    const hidden = await stored({}, stranger);
    const late = randomUUID();
    const answer = await post([
      good,
      { ...good, id: one.id, this: 'other' },
      { ...good, id: one.id },
      { ...good, id: two.id, seq: 1, prev_hash: NO_HASH },
      { ...good, id: two.id, seq: 7 },
      { ...good, id: randomUUID(), seq: 1, prev_hash: NO_HASH },
      { ...good, id: hidden.id },
      { ...good, id: hidden.id, seq: 1 },
      { ...good, id: randomUUID() },
      { ...good, id: late, seq: 1 },
      { ...good, id: late },
    ]);
    assertProblem(answer, 409);
    assert.deepEqual(reasons(answer), {
      '/1': 'taken',
      '/3': 'fork',
      '/4': 'gap',
      '/5': 'gap',
      '/6': 'taken',
      // Its predecessor comes later in the batch, and it names no prev_hash.
      '/9': 'gap',
      // Its predecessor is in this request, but cannot be stored.
    });
  });

  it('gets the same answer whichever conflict the database finds first', async () => {
    const one = await stored();
    const other = await stored();
    const fork = { ...good, id: one.id, seq: 1, prev_hash: NO_HASH };
    const taken = { ...good, id: other.id, this: 'other' };
    const gap = { ...good, id: randomUUID(), seq: 4, prev_hash: NO_HASH };
    for (const batch of [
      [fork, taken, gap],
      [gap, fork, taken],
      [fork, gap, taken],
    ]) {
      const answer = await post(batch);
      assertProblem(answer, 409, ['/0', '/1', '/2']);
      assert.deepEqual(Object.values(reasons(answer)).sort(), ['fork', 'gap', 'taken']);
    }
    const chain = await post([fork, gap]);
    assertProblem(chain, 409, ['/0', '/1']);
  });

  it('of one span: the pointer is the whole document, and within a list of one its place', async () => {
    const { id } = await stored();
    assertProblem(await post({ ...good, id, this: 'other' }), 409, ['']);
    assertProblem(await post([{ ...good, id, this: 'other' }]), 409, ['/0']);
    assertProblem(await post({ ...good, id, seq: 1, prev_hash: NO_HASH }), 409, ['']);
    assertProblem(await post({ ...good, id, seq: 3 }), 409, ['']);
  });

  it('that sends one version twice with different content gets the second as conflict', async () => {
    const id = randomUUID();
    assertProblem(
      await post([
        { ...good, id },
        { ...good, id, this: 'other' },
      ]),
      409,
      ['/1'],
    );
  });

  it('learns nothing of versions that it may not read: an existing one answers like a gap', async () => {
    const { id } = await stored();
    await stored({ id, seq: 1 });
    const asked = (seq: number, prev_hash?: string) =>
      post([good, { ...good, id, seq, prev_hash }], stranger);
    for (const hash of [undefined, NO_HASH]) {
      const there = await asked(1, hash);
      const notThere = await asked(2, hash);
      const far = await asked(5, hash);
      assert.deepEqual(
        [there, notThere, far].map(({ status }) => status),
        [409, 409, 409],
      );
      const shape = ({ body }: Answer) => JSON.stringify(body.errors).replace(/version \d/, 'version N');
      assert.equal(shape(notThere), shape(there));
      assert.equal(shape(far), shape(there));
    }
  });

  it('learns nothing of hidden versions of an entity whose first it may read: 403 whether they exist or not', async () => {
    const { id, curr_hash: prev_hash } = await stored({ visibility: 'public' });
    const before = await post({ ...good, id, seq: 1, prev_hash }, stranger);
    await stored({ id, seq: 1, visibility: 'private' });
    const after = await post({ ...good, id, seq: 1, prev_hash }, stranger);
    for (const answer of [before, after]) assertProblem(answer, 403);
    assert.deepEqual(after.body, before.body);
  });

  it('lists a hundred conflicts at most, and stores nothing', async () => {
    const { id } = await stored();
    const fine = randomUUID();
    const batch = Array.from({ length: 300 }, (_, index) => ({ ...good, id, seq: index + 5 }));
    const gaps = [{ ...good, id: fine }, ...batch.filter((_, index) => index % 2 === 0)];
    const answer = await post(gaps);
    assertProblem(answer, 409);
    assert.equal(answer.body.errors.length, 100);
    assertProblem(await stage0.call(`/api/spans/${fine}`, { token }), 404);
  });
});

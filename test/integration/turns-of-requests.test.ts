import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { TURN_BYTES } from '../../runtime/base/fair-turns';
import { assertProblem } from '../support/problem';
import { createTestStage0, type TestStage0 } from '../support/test-stage0';
import { until } from '../support/until';

/** Numbers of so many digits that a text of them is scanned for faults, token by token. */
const LONG_NUMBERS = Array(40_000).fill(0.1234567890123456);
/** Least pauses while 80,000 tokens are scanned, and while 40,000 values are hashed. */
const PAUSES_OF_PARSING = 19;
const PAUSES_OF_HASHING = 9;

describe('turns of the thread that serves, and shares of the reads', () => {
  const note = { entity_type: 'note', who: 'alice', this: 'hello' };
  let stage0: TestStage0;
  let id: string;
  before(async () => {
    stage0 = await createTestStage0();
    const token = await stage0.token('alice', 'acme');
    const answer = await stage0.call('/api/spans', { token, body: { ...note, visibility: 'public' } });
    id = answer.body.span.id;
  });
  after(() => stage0.close());

  /** Withholds one of a tenant's turns until it is told to give it. */
  function withhold(tenant: string, place: number) {
    const { turns } = stage0.fairness;
    const take = turns.take.bind(turns);
    const { promise, resolve } = Promise.withResolvers<void>();
    let asked = 0;
    turns.take = (who, bytes) => {
      if (who !== tenant) return take(who, bytes);
      asked += 1;
      return asked === place ? promise : take(who, bytes);
    };
    return {
      isAsked: () => asked >= place,
      give(): void {
        turns.take = take;
        resolve();
      },
    };
  }

  const steps: readonly (readonly [
    what: string,
    place: number,
    call: (token: string) => Promise<unknown>,
  ])[] = [
    ['parsing a span', 2, (token) => stage0.call('/api/spans', { token, body: note })],
    ['hashing a span', 3, (token) => stage0.call('/api/spans', { token, body: note })],
    ['a span of a page', 2, (token) => stage0.call('/api/timeline', { token })],
    ['a version of an entity', 2, (token) => stage0.call(`/api/spans/${id}`, { token })],
  ];
  for (const [what, place, call] of steps) {
    it(`are waited for by ${what}, while other tenants are served`, async () => {
      const [waiting, served] = [await stage0.token('alice', 'waiting'), await stage0.token('bob', 'served')];
      // The first turn is of a request as such; it is this tenant's once its token is known.
      await stage0.call('/api/me', { token: waiting });
      const turn = withhold('waiting', place);
      let isAnswered = false;
      const answer = call(waiting).finally(() => {
        isAnswered = true;
      });
      await until('the turn is asked for', turn.isAsked);
      await call(served);
      assert.equal(isAnswered, false);
      turn.give();
      await answer;
    });
  }

  it('are taken for each few kilobytes of a page, not for each of its spans', async () => {
    const token = await stage0.token('alice', 'pages');
    const body = Array.from({ length: 100 }, () => ({ ...note, description: 'x'.repeat(1_000) }));
    await stage0.call('/api/spans', { token, body });
    const { turns } = stage0.fairness;
    const take = turns.take.bind(turns);
    let asked = 0;
    turns.take = (who, bytes) => {
      if (who === 'pages') asked += 1;
      return take(who, bytes);
    };
    try {
      assert.equal((await stage0.call('/api/timeline?limit=100', { token })).body.count, 100);
    } finally {
      turns.take = take;
    }
    assert.ok(asked >= 10 && asked <= 40, `${asked} turns`);
  });

  for (const [what, pathOf] of [
    ['a page', () => '/api/timeline'],
    ['an entity', () => `/api/spans/${id}`],
  ] as const) {
    it(`${what} is read within its tenant's share, while other tenants are served`, async () => {
      const { reads } = stage0.fairness;
      const [waiting, served] = [await stage0.token('alice', 'waiting'), await stage0.token('bob', 'served')];
      const release = await reads.take('waiting', 4);
      let isAnswered = false;
      const answer = stage0.call(pathOf(), { token: waiting }).finally(() => {
        isAnswered = true;
      });
      await until('the read waits', () => reads.waiting === 1);
      assert.equal((await stage0.call(pathOf(), { token: served })).status, 200);
      assert.equal(isAnswered, false);
      release();
      assert.equal((await answer).status, 200);
      assert.equal(reads.held, 0);
    });
  }

  /** How often work pauses between slices. */
  async function pausesOf(work: () => Promise<unknown>): Promise<number> {
    const { turns } = stage0.fairness;
    const take = turns.take.bind(turns);
    let pauses = 0;
    turns.take = (tenant, bytes) => {
      if (bytes === TURN_BYTES) pauses += 1;
      return take(tenant, bytes);
    };
    await work();
    turns.take = take;
    return pauses;
  }

  it('are taken between slices of a body of many values, of a span and of an input', async () => {
    const token = await stage0.token('alice', 'acme');
    const appending = await pausesOf(async () => {
      const body = { ...note, metadata: LONG_NUMBERS };
      assert.equal((await stage0.call('/api/spans', { token, body })).status, 201);
    });
    assert.ok(appending >= PAUSES_OF_PARSING + PAUSES_OF_HASHING, `${appending} pauses`);
    const executing = await pausesOf(() =>
      stage0.call(`/api/execute/${randomUUID()}`, { token, body: { input: LONG_NUMBERS } }),
    );
    assert.ok(executing >= PAUSES_OF_PARSING, `${executing} pauses`);
  });

  it('are not asked for by an input of more than 100,000 values, which is refused', async () => {
    const token = await stage0.token('alice', 'acme');
    const body = { input: Array(100_001).fill(1) };
    assertProblem(await stage0.call(`/api/execute/${randomUUID()}`, { token, body }), 400, ['']);
  });
});

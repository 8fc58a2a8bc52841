import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { ConflictError } from '../../runtime/base/errors';
import { FairTurns, TURN_BYTES } from '../../runtime/base/fair-turns';
import type { Identity } from '../../runtime/base/identity';
import type { SpanDraft } from '../../runtime/ledger/span-draft';
import { SpanWriter } from '../../runtime/ledger/span-writer';
import { createTestStage0, type TestStage0 } from '../support/test-stage0';

/** Counts the pauses between slices of work. */
class CountedTurns extends FairTurns {
  pauses = 0;

  override take(tenant: string, bytes: number): Promise<void> | undefined {
    if (bytes === TURN_BYTES) this.pauses += 1;
    return super.take(tenant, bytes);
  }
}

/** Least number of pauses while hashing 40,000 values. */
const PAUSES = 9;
const large = (more: Partial<SpanDraft> = {}): SpanDraft => ({
  id: randomUUID(),
  entity_type: 'note',
  who: 'alice',
  this: 'large',
  metadata: { many: Array(40_000).fill(1) },
  ...more,
});

describe('a span of many values, however often it is hashed', () => {
  const alice: Identity = { user: 'alice', tenant: 'acme' };
  let stage0: TestStage0;
  let writer: SpanWriter;
  let turns: CountedTurns;
  before(async () => {
    stage0 = await createTestStage0();
    turns = new CountedTurns();
    writer = new SpanWriter({ database: stage0.pool, signingKey: () => stage0.key, turns });
  });
  after(() => stage0.close());

  const append = (...drafts: readonly SpanDraft[]) => writer.append(alice, drafts, { hasManyValues: true });
  /** Number of pauses during the work. */
  const pausesOf = async (work: () => Promise<unknown>): Promise<number> => {
    const before = turns.pauses;
    await work();
    return turns.pauses - before;
  };
  const assertParted = async (hashings: number, work: () => Promise<unknown>): Promise<void> => {
    const pauses = await pausesOf(work);
    assert.ok(pauses >= hashings * PAUSES, `${pauses} pauses for ${hashings} hashings`);
  };

  it('is hashed in slices when it is new, and when it is repeated without its timestamp', async () => {
    const draft = large();
    await assertParted(1, () => append(draft));
    await assertParted(2, async () => assert.equal((await append(draft)).created, false));
  });

  it('is hashed only once when it is repeated unchanged', async () => {
    const draft = large({ at: '2026-01-31T23:59:59.000Z' });
    const once = await pausesOf(() => append(draft));
    assert.equal(await pausesOf(() => append(draft)), once);
  });

  it('is hashed in slices when its id is taken by other content', async () => {
    const { id } = (await append(large())).spans[0] ?? {};
    await assertParted(3, () => assert.rejects(append(large({ id, this: 'other' })), ConflictError));
  });

  it('is hashed in slices when it follows a repeated version', async () => {
    const first = large();
    await append(first);
    await assertParted(4, async () => {
      const { created, spans } = await append(first, large({ id: first.id, seq: 1 }));
      assert.ok(created);
      assert.equal(spans[1]?.prev_hash, spans[0]?.curr_hash);
    });
  });
});

import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from 'pg';
import { ConflictError, ForbiddenError, LogLineError } from '../../runtime/base/errors';
import type { Identity } from '../../runtime/base/identity';
import { SigningKey } from '../../runtime/crypto';
import { Database } from '../../runtime/db/pool';
import { AppendQueue } from '../../runtime/ledger/append-queue';
import type { SpanDraft } from '../../runtime/ledger/span-draft';
import { SpanWriter } from '../../runtime/ledger/span-writer';
import { withClient } from '../support/sql-session';
import { createTestStage0, type TestStage0 } from '../support/test-stage0';

const note = (text: string, more: Partial<SpanDraft> = {}): SpanDraft => ({
  entity_type: 'note',
  who: 'w',
  this: text,
  ...more,
});

describe('callers that share a commit', () => {
  let stage0: TestStage0;
  before(async () => {
    stage0 = await createTestStage0();
  });
  after(() => stage0.close());

  const identity = (n: number): Identity => ({ user: `user_${n % 5}`, tenant: `tenant_${n % 3}` });
  /** Waits until `count` statements of the database wait for a lock. */
  async function forLocked(superuser: Client, count: number): Promise<void> {
    for (;;) {
      const { rows } = await superuser.query(
        "SELECT count(*)::int AS locked FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
      );
      if (rows[0].locked >= count) return;
      await delay(20);
    }
  }
  /** Number of stored spans, and of transactions that wrote them. */
  const written = (ids: readonly string[]): Promise<{ rows: number; transactions: number }> =>
    withClient(stage0.database.superuserUrl, async (superuser) => {
      const { rows } = await superuser.query(
        'SELECT count(*)::int AS rows, count(DISTINCT tx_id)::int AS transactions FROM ledger.universal_registry WHERE id = ANY ($1)',
        [ids],
      );
      return rows[0];
    });

  it('need far fewer transactions than there are callers, and each gets its own spans', async () => {
    const appended = await Promise.all(
      Array.from({ length: 200 }, (_, n) => stage0.writer.append(identity(n), [note(String(n))])),
    );
    for (const [n, { spans, created }] of appended.entries()) {
      assert.ok(created);
      const [span] = spans;
      assert.deepEqual(
        [span?.this, span?.owner_id, span?.tenant_id],
        [String(n), identity(n).user, identity(n).tenant],
      );
    }
    const { rows, transactions } = await written(appended.flatMap(({ spans }) => spans.map(({ id }) => id)));
    assert.equal(rows, 200);
    assert.ok(transactions <= 20, `${transactions} transactions`);
  });

  it('fail alone: a faulty batch is refused, the others are stored', async () => {
    const writer = new SpanWriter({ database: stage0.pool, signingKey: () => stage0.key, maxInFlight: 1 });
    const taken = (await writer.append(identity(0), [note('taken')])).spans[0];
    assert.ok(taken);
    const outcomes = await Promise.allSettled(
      Array.from({ length: 60 }, (_, n) => {
        if (n % 10 === 3) return writer.append(identity(n), [note('foreign', { owner_id: 'nobody' })]);
        if (n % 10 === 5)
          return writer.append(identity(n), [
            note('taken by another', { id: taken.id }),
            note('lost with it'),
          ]);
        if (n % 10 === 7)
          return writer.append(identity(0), [
            note('fork', { id: taken.id, seq: 1, prev_hash: 'ab'.repeat(32) }),
          ]);
        return writer.append(identity(n), [note(`fine ${n}`), note(`fine ${n}, too`)]);
      }),
    );
    for (const [n, outcome] of outcomes.entries()) {
      if ([3, 5, 7].includes(n % 10)) {
        assert.equal(outcome.status, 'rejected', String(n));
        const expected = n % 10 === 3 ? ForbiddenError : ConflictError;
        assert.ok(outcome.reason instanceof expected, String(outcome.reason));
      } else {
        assert.equal(outcome.status, 'fulfilled', String(n));
        assert.equal((await written(outcome.value.spans.map(({ id }) => id))).rows, 2);
      }
    }
    const { rows } = await withClient(stage0.database.superuserUrl, (superuser) =>
      superuser.query(
        `SELECT FROM ledger.universal_registry WHERE this IN ('foreign', 'taken by another', 'lost with it', 'fork')`,
      ),
    );
    assert.equal(rows.length, 0);
  });

  it("keep the tenant boundary: in one statement each row is checked under its caller's identity", async () => {
    const rows = [identity(0), identity(1), identity(2)].map((owner) => ({ owner, id: randomUUID() }));
    await withClient(stage0.database.appUrl, async (app) => {
      const span = (id: string, user_id: string, tenant_id: string) => ({
        id,
        seq: 0,
        entity_type: 'n',
        who: 'w',
        this: 't',
        at: '2025-01-01T00:00:00.000Z',
        owner_id: user_id,
        tenant_id,
        visibility: 'private',
        is_deleted: false,
        curr_hash: 'a'.repeat(64),
        signature: 'a'.repeat(128),
        public_key: 'a'.repeat(64),
      });
      const batches = (swap: boolean) =>
        JSON.stringify(
          rows.map(({ owner, id }, index) => {
            const as = swap ? (rows[(index + 1) % rows.length]?.owner ?? owner) : owner;
            return {
              user_id: as.user,
              tenant_id: as.tenant,
              spans: [span(id, owner.user, owner.tenant)],
              idempotency: null,
            };
          }),
        );
      await assert.rejects(app.query('SELECT ledger.append_spans($1)', [batches(true)]), { code: '42501' });
      await app.query('SELECT ledger.append_spans($1)', [batches(false)]);
      const { rows: after } = await app.query(`SELECT ledger.session_audiences() AS audiences`);
      assert.deepEqual(after, [{ audiences: ['public'] }]);
    });
    assert.equal((await written(rows.map(({ id }) => id))).rows, 3);
  });

  it('keep the order of each caller’s spans in the feed', async () => {
    const batches = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        stage0.writer.append(
          { user: 'ordered', tenant: 'ordered' },
          Array.from({ length: 10 }, (_, i) => note(`${n}/${i}`)),
        ),
      ),
    );
    const ids = batches.flatMap(({ spans }) => spans.map(({ id }) => id));
    const { rows } = await withClient(stage0.database.superuserUrl, (superuser) =>
      superuser.query(
        'SELECT this FROM ledger.universal_registry WHERE id = ANY ($1) ORDER BY tx_id, ordinal',
        [ids],
      ),
    );
    for (let n = 0; n < 20; n += 1) {
      const mine = rows.map((row) => row.this as string).filter((text) => text.startsWith(`${n}/`));
      assert.deepEqual(
        mine,
        Array.from({ length: 10 }, (_, i) => `${n}/${i}`),
      );
    }
  });

  it('a single span waits for no more than a few of the batches that another tenant sent before it', async () => {
    const [batcher, single] = [
      { user: 'alice', tenant: 'batches' },
      { user: 'bob', tenant: 'singles' },
    ];
    const batch = (n: number) => Array.from({ length: 250 }, (_, index) => note(`${n}/${index}`));
    let done = 0;
    const batches = Array.from({ length: 30 }, async (_, n) => {
      await stage0.writer.append(batcher, batch(n));
      done += 1;
    });
    const before: number[] = [];
    for (let count = 0; count < 5; count += 1) {
      const start = done;
      await stage0.writer.append(single, [note('mine')]);
      before.push(done - start);
    }
    await Promise.all(batches);
    assert.ok(
      before.every((count) => count <= 4),
      `batches that went before each single span: ${before.join(', ')}`,
    );
  });

  const largeBatches: readonly (readonly [what: string, batch: readonly SpanDraft[]])[] = [
    ['64 spans', Array.from({ length: 64 }, (_, index) => note(String(index)))],
    ['128 KiB', [note('large', { description: 'x'.repeat(128 * 1024) })]],
  ];
  for (const [what, batch] of largeBatches)
    it(`a single span is written while batches of ${what} of others stand still`, async () => {
      const batcher = { user: 'alice', tenant: 'large' };
      const keys = ['first', 'second', 'third'].map((name) => `${name} of ${what}`);
      await withClient(stage0.database.superuserUrl, async (superuser) => {
        // A key locked by another transaction blocks the statements of the batches until that ends.
        await superuser.query('BEGIN');
        await superuser.query(
          `INSERT INTO app.idempotency_key (tenant_id, key, fingerprint, span_ids, span_seqs)
         SELECT 'large', key, 'x', '{}', '{}' FROM unnest($1::text[]) AS key`,
          [keys],
        );
        const batches = keys.map((idempotencyKey) =>
          stage0.writer.append(batcher, batch, { idempotencyKey }),
        );
        try {
          await forLocked(superuser, 2);
          const single = stage0.writer
            .append({ user: 'bob', tenant: 'single' }, [note('mine')])
            .then(() => 'written');
          const patience = delay(10_000, 'stands still', { ref: false });
          assert.equal(await Promise.race([single, patience]), 'written');
        } finally {
          await superuser.query('ROLLBACK');
          await Promise.all(batches);
        }
      });
    });

  it('are signed two groups of a tenant at a time, and four of all', async () => {
    let signing = 0;
    let most = 0;
    class CountedKey extends SigningKey {
      override async signOnThread(hashes: readonly Uint8Array[]) {
        signing += 1;
        most = Math.max(most, signing);
        const signatures = await super.signOnThread(hashes);
        signing -= 1;
        return signatures;
      }
    }
    const key = new CountedKey(randomBytes(32));
    const writer = new SpanWriter({ database: stage0.pool, signingKey: () => key });
    const group = Array.from({ length: 16 }, (_, index) => note(String(index)));
    const mostOf = async (tenants: number): Promise<number> => {
      most = 0;
      await Promise.all(Array.from({ length: 12 }, (_, n) => writer.append(identity(n % tenants), group)));
      return most;
    };
    assert.ok((await mostOf(1)) <= 2, `${most} groups of one tenant`);
    assert.ok((await mostOf(3)) <= 4, `${most} groups`);
  });

  it('one tenant alone has at most 10,000 spans waiting', async () => {
    const { spans, json } = await stage0.writer.append(identity(0), [note('one')]);
    const encoded = spans.map((span, index) => ({ span, json: json[index] ?? '' }));
    // Nothing listens there, so that none is written.
    const nowhere = new Database({ connectionString: 'postgres://127.0.0.1:1/none' });
    const queue = new AppendQueue(nowhere);
    const appends = Array.from({ length: 10_100 }, () =>
      queue.append({ identity: identity(0), spans: encoded }),
    );
    const refused = (await Promise.allSettled(appends)).filter(
      (outcome) =>
        outcome.status === 'rejected' &&
        outcome.reason instanceof LogLineError &&
        /spans waiting to be written/.test(outcome.reason.message),
    );
    assert.equal(refused.length, 100);
    await nowhere.close();
  });

  it('wait for nobody who needs what another transaction holds, and that one is written once it ends', async () => {
    const writer = new SpanWriter({ database: stage0.pool, signingKey: () => stage0.key, maxInFlight: 1 });
    await withClient(stage0.database.superuserUrl, async (superuser) => {
      await superuser.query('BEGIN');
      await superuser.query(
        `INSERT INTO app.idempotency_key (tenant_id, key, fingerprint, span_ids, span_seqs)
         VALUES ('locked', 'held', 'x', '{}', '{}')`,
      );
      const locked = { user: 'mallory', tenant: 'locked' };
      const waiting = writer.append(locked, [note('waits')], { idempotencyKey: 'held' });
      const others = Array.from({ length: 5 }, (_, n) => writer.append(identity(n), [note(String(n))]));
      await Promise.all(others);
      await superuser.query('ROLLBACK');
      assert.equal((await waiting).created, true);
    });
  });

  it('are refused with 429 or 503 when too much is waiting, instead of memory growing', async () => {
    const writer = new SpanWriter({
      database: stage0.pool,
      signingKey: () => stage0.key,
      maxWaitingSpans: 10,
    });
    const outcomes = await Promise.allSettled(
      Array.from({ length: 30 }, (_, n) => writer.append(identity(n), [note(String(n))])),
    );
    const refused = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []));
    assert.ok(refused.length > 0 && refused.length < 30);
    for (const reason of refused) {
      assert.ok(reason instanceof LogLineError);
      assert.ok([429, 503].includes(reason.status), reason.code);
      assert.ok(Number(reason.retryAfterSeconds) > 0);
    }
    assert.equal((await writer.append(identity(0), [note('later')])).created, true);
  });
});

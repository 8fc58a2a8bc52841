import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { Client } from 'pg';
import { hash, insertRow, inTransaction, type RawRow, rawRow, refusalOf } from '../support/sql-session';
import { createTestDatabase, type TestDatabase } from '../support/test-database';

const GAP = 'LL001';
const FOREIGN_OWNER = 'LL002';
const FORK = 'LL003';
const UNIQUE_VIOLATION = '23505';
const CHECK_VIOLATION = '23514';
const ALICE = { user: 'alice', tenant: 'acme' };

describe('version chain, by SQL as logline_app', () => {
  let database: TestDatabase;
  let client: Client;
  before(async () => {
    database = await createTestDatabase();
    client = new Client({ connectionString: database.appUrl });
    await client.connect();
  });
  after(async () => {
    await client.end();
    await database.drop();
  });

  const insert = (rows: readonly RawRow[], identity = ALICE): Promise<string | undefined> =>
    refusalOf(
      inTransaction(client, identity, async () => {
        for (const row of rows) await insertRow(client, row);
      }),
    );
  /** Version `seq` with a hash made of its number, and the previous number's hash as prev_hash. */
  const version = (id: string, seq: number, more: Partial<RawRow> = {}): RawRow =>
    rawRow({ id, seq, curr_hash: hash(seq), prev_hash: seq === 0 ? null : hash(seq - 1), ...more });

  it('versions that follow each other are taken, in one transaction or several', async () => {
    const id = randomUUID();
    assert.equal(await insert([version(id, 0), version(id, 1)]), undefined);
    assert.equal(await insert([version(id, 2)]), undefined);
  });

  it('versions in one statement are taken in any order, as long as the chain is whole at its end', async () => {
    const rows = (id: string, seqs: readonly number[]) => JSON.stringify(seqs.map((seq) => version(id, seq)));
    const columns = Object.keys(rawRow()).join(', ');
    const many = (json: string) =>
      refusalOf(
        inTransaction(client, ALICE, () =>
          client.query(
            `INSERT INTO ledger.universal_registry (${columns})
             SELECT ${columns} FROM json_populate_recordset(NULL::ledger.universal_registry, $1)`,
            [json],
          ),
        ),
      );
    assert.equal(await many(rows(randomUUID(), [0, 1, 2])), undefined);
    assert.equal(await many(rows(randomUUID(), [2, 0, 1])), undefined);
    assert.equal(await many(rows(randomUUID(), [0, 2])), GAP);
  });

  it('a gap is refused, and so is a chain that begins in the middle', async () => {
    const id = randomUUID();
    assert.equal(await insert([version(id, 0), version(id, 2)]), GAP);
    assert.equal(await insert([version(id, 1)]), GAP);
  });

  it('a fork is refused: prev_hash must be the curr_hash before', async () => {
    const id = randomUUID();
    assert.equal(await insert([version(id, 0)]), undefined);
    assert.equal(await insert([version(id, 1, { prev_hash: hash(99) })]), FORK);
  });

  it('an existing version cannot be replaced', async () => {
    const id = randomUUID();
    assert.equal(await insert([version(id, 0)]), undefined);
    assert.equal(await insert([version(id, 0, { curr_hash: hash(5) })]), UNIQUE_VIOLATION);
  });

  it('only a first version has no prev_hash', async () => {
    const id = randomUUID();
    assert.equal(await insert([version(id, 0, { prev_hash: hash(1) })]), CHECK_VIOLATION);
    assert.equal(await insert([version(id, 0)]), undefined);
    assert.equal(await insert([version(id, 1, { prev_hash: null })]), CHECK_VIOLATION);
    assert.equal(await insert([version(id, -1)]), CHECK_VIOLATION);
  });

  it('only the owner appends a version, whatever the visibility', async () => {
    const others = [
      { user: 'bob', tenant: 'acme' },
      { user: 'alice', tenant: 'globex' },
    ];
    for (const visibility of ['private', 'tenant', 'public']) {
      const id = randomUUID();
      assert.equal(await insert([version(id, 0, { visibility })]), undefined);
      for (const identity of others) {
        const foreign = version(id, 1, { visibility, owner_id: identity.user, tenant_id: identity.tenant });
        const refusal = await insert([foreign], identity);
        const isVisible = visibility === 'public' || (visibility === 'tenant' && identity.tenant === 'acme');
        // An entity that a session may not see looks missing.
        assert.equal(refusal, isVisible ? FOREIGN_OWNER : GAP, `${visibility} ${JSON.stringify(identity)}`);
      }
    }
  });

  it('of two writers racing for one version exactly one wins', async () => {
    const id = randomUUID();
    assert.equal(await insert([version(id, 0)]), undefined);
    const outcomes = await Promise.all(
      Array.from({ length: 8 }, async (_, index) => {
        const racer = new Client({ connectionString: database.appUrl });
        await racer.connect();
        try {
          return await refusalOf(
            inTransaction(racer, ALICE, () =>
              insertRow(racer, version(id, 1, { curr_hash: hash(100 + index) })),
            ),
          );
        } finally {
          await racer.end();
        }
      }),
    );
    assert.equal(outcomes.filter((outcome) => outcome === undefined).length, 1);
    assert.equal(outcomes.filter((outcome) => outcome === UNIQUE_VIOLATION).length, 7);
  });

  it('a version cannot follow one that is not committed yet', async () => {
    const id = randomUUID();
    const early = new Client({ connectionString: database.appUrl });
    await early.connect();
    try {
      await inTransaction(early, ALICE, async () => {
        await insertRow(early, version(id, 0));
        assert.equal(await insert([version(id, 1)]), GAP);
      });
      assert.equal(await insert([version(id, 1)]), undefined);
    } finally {
      await early.end();
    }
  });
});

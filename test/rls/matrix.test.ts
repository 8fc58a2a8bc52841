import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { Client } from 'pg';
import type { RoleKey } from '../../runtime/db/roles';
import { hash, insertRow, inTransaction, rawRow, refusalOf, setIdentity } from '../support/sql-session';
import { createTestDatabase, type TestDatabase } from '../support/test-database';

// Role × verb × visibility × owner × tenant × deleted × version. The functions below compute the expected result from the
// documented rules, not from the policies; every cell is tried on the database.

const VISIBILITIES = ['private', 'tenant', 'public'] as const;
const OWNERS = [
  { user: 'alice', tenant: 'acme' },
  { user: 'bob', tenant: 'acme' },
  { user: 'alice', tenant: 'globex' },
] as const;
const SESSIONS = [...OWNERS, { user: 'bob', tenant: 'globex' }, { user: '', tenant: '' }] as const;
const ROLES: readonly RoleKey[] = ['app', 'kernel', 'guest', 'sealer', 'auditor', 'backup'];

interface Identity {
  readonly user: string;
  readonly tenant: string;
}

interface Entity {
  readonly id: string;
  readonly owner: Identity;
  readonly visibility: (typeof VISIBILITIES)[number];
  readonly isDeleted: boolean;
}

const isSame = (a: Identity, b: Identity): boolean => a.user === b.user && a.tenant === b.tenant;

/** Own private spans, tenant and public spans of the own tenant, public spans of all tenants. */
function mayRead(role: RoleKey, session: Identity, { owner, visibility }: Entity): boolean {
  if (role === 'sealer' || role === 'auditor' || role === 'backup') return true;
  if (role === 'kernel') return false;
  if (visibility === 'public') return true;
  return visibility === 'tenant' ? owner.tenant === session.tenant : isSame(owner, session);
}

/** Deletion hides an entity with all its versions, also from maintenance roles that read the view. */
function maySeeInTimeline(role: RoleKey, session: Identity, entity: Entity): boolean {
  return role !== 'sealer' && !entity.isDeleted && mayRead(role, session, entity);
}

/** Only under the own identity and tenant, by the role that appends; a version only by the entity's owner. */
function mayAppend(role: RoleKey, session: Identity, owner: Identity): boolean {
  return role === 'app' && session.user !== '' && isSame(session, owner);
}

describe('every role, verb, visibility, owner, tenant, deletion and version', function () {
  this.timeout(120_000);
  let database: TestDatabase;
  const entities: Entity[] = OWNERS.flatMap((owner) =>
    VISIBILITIES.flatMap((visibility) =>
      [false, true].map((isDeleted) => ({ id: randomUUID(), owner, visibility, isDeleted })),
    ),
  );
  const rowOf = ({ id, owner, visibility }: Entity, seq: number, isDeleted: boolean) =>
    rawRow({
      id,
      seq,
      visibility,
      owner_id: owner.user,
      tenant_id: owner.tenant,
      is_deleted: isDeleted,
      entity_type: 'matrix',
      curr_hash: hash(seq),
      prev_hash: seq === 0 ? null : hash(seq - 1),
    });

  before(async () => {
    database = await createTestDatabase();
    const app = new Client({ connectionString: database.urls.app });
    await app.connect();
    for (const entity of entities) {
      await inTransaction(app, entity.owner, async () => {
        await insertRow(app, rowOf(entity, 0, false));
        await insertRow(app, rowOf(entity, 1, entity.isDeleted));
      });
    }
    await app.end();
  });
  after(() => database.drop());

  for (const role of ROLES) {
    for (const session of SESSIONS) {
      const who = session.user === '' ? 'nobody' : `${session.user} of ${session.tenant}`;
      it(`${role} as ${who}`, async () => {
        const client = new Client({ connectionString: database.urls[role] });
        await client.connect();
        /** Runs in a transaction that is always rolled back. */
        const tried = async <T>(work: () => Promise<T>): Promise<T> => {
          await client.query('BEGIN');
          try {
            await setIdentity(client, session);
            return await work();
          } finally {
            await client.query('ROLLBACK');
          }
        };
        const reads = (relation: string, { id }: Entity, seq: number): Promise<boolean> =>
          tried(async () => {
            let found = 0;
            const refusal = await refusalOf(
              client
                .query(`SELECT id FROM ${relation} WHERE id = $1 AND seq = $2`, [id, seq])
                .then(({ rowCount }) => {
                  found = rowCount ?? 0;
                }),
            );
            return refusal === undefined && found === 1;
          });
        const isDone = (work: () => Promise<unknown>): Promise<boolean> =>
          tried(async () => (await refusalOf(work())) === undefined);
        try {
          for (const entity of entities) {
            const cell = `${entity.visibility} of ${entity.owner.user}@${entity.owner.tenant}, deleted ${entity.isDeleted}`;
            for (const seq of [0, 1]) {
              const registry = await reads('ledger.universal_registry', entity, seq);
              assert.equal(registry, mayRead(role, session, entity), `reads version ${seq}, ${cell}`);
              const timeline = await reads('ledger.visible_timeline', entity, seq);
              assert.equal(timeline, maySeeInTimeline(role, session, entity), `timeline ${seq}, ${cell}`);
            }
            const first = { ...rowOf(entity, 0, entity.isDeleted), id: randomUUID() };
            const may = mayAppend(role, session, entity.owner);
            assert.equal(await isDone(() => insertRow(client, first)), may, `appends, ${cell}`);
            const next = rowOf(entity, 2, false);
            assert.equal(await isDone(() => insertRow(client, next)), may, `appends a version, ${cell}`);
            const asOneself = { ...next, owner_id: session.user, tenant_id: session.tenant };
            assert.equal(await isDone(() => insertRow(client, asOneself)), may, `takes over, ${cell}`);
            for (const change of ['UPDATE', 'DELETE'] as const) {
              const text =
                change === 'UPDATE'
                  ? `UPDATE ledger.universal_registry SET this = 'x' WHERE id = $1`
                  : 'DELETE FROM ledger.universal_registry WHERE id = $1';
              assert.equal(await isDone(() => client.query(text, [entity.id])), false, `${change}, ${cell}`);
            }
          }
        } finally {
          await client.end();
        }
      });
    }
  }
});

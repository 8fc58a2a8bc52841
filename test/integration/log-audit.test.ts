import assert from 'node:assert/strict';
import type { Client } from 'pg';
import { generateSigningKey, hex, type SigningKey } from '../../runtime/crypto';
import { Database } from '../../runtime/db/pool';
import { signSpan } from '../../runtime/ledger/span-signature';
import { signCheckpoint } from '../../runtime/proofs/checkpoint-keys';
import { auditLogs, type LogFault } from '../../runtime/proofs/log-audit';
import { signedSpan } from '../support/spans';
import { withClient } from '../support/sql-session';
import { createTestLog, TEST_INSTANCE, type TestLog } from '../support/test-log';

const DRAFT = { entity_type: 'note', who: 'alice', this: 'a thing' };
const TABLES = ['universal_registry', 'log_entry', 'log_tile', 'checkpoint', 'log'];
const FLIP = (column: string) => `set_byte(${column}, 5, get_byte(${column}, 5) # 1)`;
const FLIP_HEX = (column: string) =>
  `overlay(${column} placing CASE substr(${column}, 9, 1) WHEN 'a' THEN 'b' ELSE 'a' END from 9 for 1)`;
const AT = (position: number) =>
  `(SELECT e.id FROM ledger.log_entry e WHERE e.log_no = 1 AND e.position = ${position})`;

/** Tampering by a superuser with triggers disabled: name, statement, and verify's message. */
const DEEDS: readonly (readonly [
  string,
  string,
  readonly [kind: string, position: number | undefined, detail: RegExp],
])[] = [
  [
    'a bit of a span is flipped',
    `UPDATE ledger.universal_registry SET this = 'b thing' WHERE id = ${AT(3)}`,
    ['span', 3, /^hash: /],
  ],
  [
    'a bit of a hash is flipped',
    `UPDATE ledger.universal_registry SET curr_hash = ${FLIP_HEX('curr_hash')} WHERE id = ${AT(3)}`,
    ['entry', 3, /the log has/],
  ],
  [
    'a bit of a signature is flipped',
    `UPDATE ledger.universal_registry SET signature = ${FLIP_HEX('signature')} WHERE id = ${AT(3)}`,
    ['span', 3, /^signature: /],
  ],
  [
    'a bit of an entry is flipped',
    `UPDATE ledger.log_entry SET curr_hash = ${FLIP('curr_hash')} WHERE log_no = 1 AND position = 3`,
    ['entry', 3, /the log has/],
  ],
  [
    'a bit of a tile is flipped',
    `UPDATE ledger.log_tile SET hashes = ${FLIP('hashes')} WHERE log_no = 1`,
    ['tile', 0, /hash 0 of tile 0\/0/],
  ],
  [
    "a bit of a tile's root is flipped",
    `UPDATE ledger.log_tile SET root = ${FLIP('root')} WHERE log_no = 1`,
    ['tile', 0, /root of tile 0\/0/],
  ],
  ['a tile is deleted', 'DELETE FROM ledger.log_tile WHERE log_no = 1', ['tile', 0, /tile 0\/0 is missing/]],
  [
    'a bit of a checkpoint is flipped',
    `UPDATE ledger.checkpoint SET root = ${FLIP('root')} WHERE log_no = 1 AND size = 2`,
    ['checkpoint', 2, /root of the checkpoint/],
  ],
  [
    'a signature of a checkpoint is flipped',
    `UPDATE ledger.checkpoint SET signature = ${FLIP('signature')} WHERE log_no = 1 AND size = 2`,
    ['checkpoint', 2, /signature of the checkpoint/],
  ],
  ['a span is deleted', `DELETE FROM ledger.universal_registry WHERE id = ${AT(3)}`, ['span', 3, /removed/]],
  [
    'an entry is deleted',
    'DELETE FROM ledger.log_entry WHERE log_no = 1 AND position = 3',
    ['gap', 3, /positions 3 to 3 are missing/],
  ],
  [
    'the newest checkpoint is deleted',
    'DELETE FROM ledger.checkpoint WHERE log_no = 1 AND size = 300',
    ['checkpoint', 300, /size 300 is missing/],
  ],
  [
    'two positions are swapped',
    `UPDATE ledger.log_entry SET position = -position WHERE log_no = 1 AND position IN (5, 6);
     UPDATE ledger.log_entry SET position = 11 + position WHERE log_no = 1 AND position < 0`,
    ['order', 6, /committed before/],
  ],
  [
    'the tail is cut off',
    `DELETE FROM ledger.universal_registry WHERE id IN (SELECT id FROM ledger.log_entry WHERE log_no = 1 AND position >= 290);
     DELETE FROM ledger.log_entry WHERE log_no = 1 AND position >= 290;
     DELETE FROM ledger.checkpoint WHERE log_no = 1 AND size > 290`,
    ['gap', 290, /positions 290 to 299 are missing/],
  ],
  [
    'a span is moved to another tenant',
    `UPDATE ledger.universal_registry SET tenant_id = 'other' WHERE id = ${AT(3)}`,
    ['entry', 3, /of tenant other/],
  ],
];

describe('verification of the log', () => {
  let log: TestLog;
  let auditing: Database;
  before(async () => {
    log = await createTestLog();
    const append = (count: number, tenant = 'acme') =>
      log.stage0.writer.append(
        { user: 'alice', tenant },
        Array.from({ length: count }, () => DRAFT),
      );
    for (const count of [2, 298]) {
      await append(count);
      await log.seal();
    }
    await append(2, 'other');
    await log.seal();
    auditing = new Database({ connectionString: log.stage0.database.urls.auditor, poolSize: 1 });
  });
  after(async () => {
    await auditing.close();
    await log.close();
  });

  const faultsFound = async (): Promise<LogFault[]> => {
    const faults: LogFault[] = [];
    const client = await auditing.connect();
    try {
      await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
      await auditLogs(client, {
        checkpointKeys: [log.keys.current.publicKeyHex],
        onFault: (fault) => faults.push(fault),
      });
      await client.query('COMMIT');
    } finally {
      client.release();
    }
    return faults;
  };

  /** Tampers as superuser with triggers disabled, and restores the state after `look`. */
  const afterDeed = async <T>(
    deed: (client: Client) => Promise<unknown>,
    look: () => Promise<T>,
  ): Promise<T> =>
    withClient(log.stage0.database.superuserUrl, async (client) => {
      for (const table of TABLES) {
        await client.query(`CREATE TABLE public.kept_${table} AS TABLE ledger.${table}`);
        await client.query(`ALTER TABLE ledger.${table} DISABLE TRIGGER ALL`);
      }
      await client.query('ALTER TABLE ledger.log_entry DROP CONSTRAINT log_entry_position_check');
      try {
        await deed(client);
        return await look();
      } finally {
        for (const table of TABLES) {
          const { rows } = await client.query(
            `SELECT string_agg(quote_ident(attname), ', ') AS columns FROM pg_attribute
              WHERE attrelid = 'ledger.${table}'::regclass AND attnum > 0 AND attgenerated = ''`,
          );
          const columns = rows[0].columns;
          await client.query(`DELETE FROM ledger.${table}`);
          await client.query(
            `INSERT INTO ledger.${table} (${columns}) OVERRIDING SYSTEM VALUE SELECT ${columns} FROM public.kept_${table}`,
          );
          await client.query(`DROP TABLE public.kept_${table}`);
        }
        await client.query('ALTER TABLE ledger.log_entry ADD CHECK (position >= 0)');
      }
    });

  it('finds nothing in an unchanged log', async () => {
    assert.deepEqual(await faultsFound(), []);
  });

  for (const [what, statement, [kind, position, detail]] of DEEDS) {
    it(`names it when ${what}`, async () => {
      const faults = await afterDeed((client) => client.query(statement), faultsFound);
      const named = faults.find((fault) => fault.kind === kind && fault.position === position);
      assert.ok(named !== undefined, JSON.stringify(faults.slice(0, 5)));
      assert.match(named.detail, detail);
      assert.equal(named.tenant, 'acme');
      assert.deepEqual(await faultsFound(), []);
    });
  }

  it('names the cut of a tail whose head was set back along with it, by what was audited before', async () => {
    await log.audit();
    const faults = await afterDeed(async (client) => {
      await client.query(
        `DELETE FROM ledger.universal_registry WHERE id IN (SELECT id FROM ledger.log_entry WHERE log_no = 1 AND position >= 2);
         DELETE FROM ledger.log_entry WHERE log_no = 1 AND position >= 2;
         DELETE FROM ledger.checkpoint WHERE log_no = 1 AND size > 2;
         CREATE TABLE public.kept_head AS TABLE app.log_head;
         UPDATE app.log_head SET size = 2, checkpoint_size = 2 WHERE log_no = 1`,
      );
    }, faultsFound);
    await withClient(log.stage0.database.superuserUrl, (client) =>
      client.query(
        `UPDATE app.log_head h SET size = k.size, checkpoint_size = k.checkpoint_size
           FROM public.kept_head k WHERE k.log_no = h.log_no;
         DROP TABLE public.kept_head`,
      ),
    );
    assert.deepEqual(
      faults.map(({ kind, tenant, position }) => [kind, tenant, position]),
      [['gap', 'acme', 2]],
    );
  });

  it('tells when the span that was sealed last is gone', async () => {
    const faults = await afterDeed(
      (client) =>
        client.query(
          `DELETE FROM ledger.universal_registry WHERE (tx_id, ordinal) = (SELECT tx_id, ordinal FROM app.seal_cursor)`,
        ),
      faultsFound,
    );
    assert.deepEqual(
      faults.map(({ kind, tenant, position }) => [kind, tenant, position]),
      [
        ['span', 'other', 1],
        ['gap', '', undefined],
      ],
    );
  });

  it('names a span that was inserted with an old transaction id', async () => {
    const span = signedSpan({ tenant_id: 'acme', owner_id: 'alice' }, log.stage0.key);
    const faults = await afterDeed(
      (client) =>
        client.query(
          `INSERT INTO ledger.universal_registry
             (id, seq, entity_type, who, this, at, owner_id, tenant_id, visibility, curr_hash, signature, public_key, tx_id)
           VALUES ($1, 0, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11,
                   (SELECT min(tx_id::text::bigint)::text::xid8 FROM ledger.universal_registry))`,
          [
            span.id,
            span.entity_type,
            span.who,
            span.this,
            span.at,
            span.owner_id,
            span.tenant_id,
            span.visibility,
            span.curr_hash,
            span.signature,
            span.public_key,
          ],
        ),
      faultsFound,
    );
    assert.deepEqual(
      faults.map(({ kind, id }) => [kind, id]),
      [['unsealed', span.id]],
    );
  });

  it('names a span that was altered and signed again, also with the key of the instance', async () => {
    const [row] = await withClient(log.stage0.database.superuserUrl, async (client) => {
      return (await client.query(`SELECT r.* FROM ledger.universal_registry r WHERE r.id = ${AT(7)}`)).rows;
    });
    for (const key of [generateSigningKey(), log.stage0.key]) {
      const { id, seq, entity_type, who, owner_id, tenant_id, visibility, is_deleted } = row;
      const at = new Date(row.at).toISOString();
      const base = { id, seq, entity_type, who, owner_id, tenant_id, visibility, is_deleted, at };
      const forged = signSpan({ ...base, this: 'never happened' }, key);
      const faults = await afterDeed(
        (client) =>
          client.query(
            `UPDATE ledger.universal_registry SET this = $2, curr_hash = $3, signature = $4, public_key = $5 WHERE id = $1`,
            [id, forged.this, forged.curr_hash, forged.signature, forged.public_key],
          ),
        faultsFound,
      );
      assert.deepEqual(
        faults.map(({ kind, position }) => [kind, position]),
        [['entry', 7]],
      );
    }
  });

  /** Replaces root or key of the checkpoint of size 2, which is neither the first nor the newest. */
  const faultsOfCheckpoint = (root: Uint8Array, key: SigningKey): Promise<LogFault[]> => {
    const origin = `${TEST_INSTANCE}/acme`;
    const { keyId, bytes } = signCheckpoint({ origin, size: 2, root }, key);
    return afterDeed(
      (client) =>
        client.query(
          `UPDATE ledger.checkpoint SET root = decode($1, 'hex'), signature = decode($2, 'hex') WHERE log_no = 1 AND size = 2`,
          [hex(root), hex(keyId) + hex(bytes)],
        ),
      faultsFound,
    );
  };

  it('names a checkpoint in the middle that the log’s own key signed and that does not agree with the tree', async () => {
    const faults = await faultsOfCheckpoint(new Uint8Array(32).fill(7), log.keys.current);
    assert.deepEqual(
      faults.map(({ kind, position }) => [kind, position]),
      [['checkpoint', 2]],
    );
    assert.match(faults[0]?.detail ?? '', /does not follow from the log/);
  });

  it('names a checkpoint that another key signed', async () => {
    const { root } = await log.reader('acme').checkpoint(2);
    const faults = await faultsOfCheckpoint(root, generateSigningKey());
    assert.deepEqual(
      faults.map(({ kind, position }) => [kind, position]),
      [['checkpoint', 2]],
    );
    assert.match(faults[0]?.detail ?? '', /not the log's/);
  });
});

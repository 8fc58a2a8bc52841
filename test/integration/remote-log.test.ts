import assert from 'node:assert/strict';
import type { Client } from 'pg';
import { RemoteLog, type RemoteLogReport } from '../../cli/proofs/remote-log';
import type { Scope } from '../../runtime/auth';
import type { SignedSpan } from '../../runtime/base/span';
import { generateSigningKey, toU8 } from '../../runtime/crypto';
import { verifierKeyOf } from '../../runtime/proofs/checkpoint-keys';
import type { LogFault } from '../../runtime/proofs/log-audit';
import { withClient } from '../support/sql-session';
import { createTestLog, TEST_INSTANCE, type TestLog } from '../support/test-log';

const DRAFT = { entity_type: 'note', who: 'alice', this: 'a thing' };
/** One full tile and a partial one. */
const SPANS = 300;
const READ: readonly Scope[] = ['spans:write', 'timeline:read'];

describe('verify of a served log', function () {
  this.timeout(60_000);
  let log: TestLog;
  let spans: SignedSpan[];
  let bobs: SignedSpan;

  beforeEach(async () => {
    log = await createTestLog();
    const alice = await log.stage0.token('alice', 'acme');
    const first = { body: Array.from({ length: SPANS - 1 }, () => DRAFT), token: alice };
    spans = (await log.stage0.call('/api/spans', first)).body.spans;
    const bob = await log.stage0.token('bob', 'acme');
    bobs = (await log.stage0.call('/api/spans', { body: DRAFT, token: bob })).body.span;
    await log.seal();
  });
  afterEach(() => log.close());

  async function verify(
    options: {
      scope?: readonly Scope[];
      spans?: readonly unknown[];
      publicKey?: string;
      completeBelow?: number;
    } = {},
  ): Promise<{ report: RemoteLogReport; faults: LogFault[] }> {
    const token = await log.stage0.token('alice', 'acme', options.scope ?? READ);
    const faults: LogFault[] = [];
    const client = {
      async requestBytes(
        path: string,
        { headers = {} }: { headers?: Readonly<Record<string, string>> } = {},
      ) {
        const request = new Request(`http://localhost${path}`, {
          headers: { ...headers, authorization: `Bearer ${token}` },
        });
        const answer = await log.stage0.fetch(request);
        const bytes = new Uint8Array(await answer.arrayBuffer());
        return { status: answer.status, headers: answer.headers, bytes };
      },
    };
    const publicKey = options.publicKey ?? log.keys.current.publicKeyHex;
    const keys = [verifierKeyOf(publicKey, `${TEST_INSTANCE}/acme`)];
    const remote = new RemoteLog({
      client,
      tenant: 'acme',
      keys,
      onFault: (fault) => faults.push(fault),
      waitMs: 0,
      completeBelow: options.completeBelow ?? 0,
    });
    for (const span of options.spans ?? spans) await remote.add(span);
    return { report: await remote.finish(), faults };
  }

  async function tamper(statement: string): Promise<void> {
    await withClient(log.stage0.database.superuserUrl, async (client: Client) => {
      await client.query('SET session_replication_role = replica');
      for (const table of ['log_tile', 'checkpoint', 'log_entry'])
        await client.query(`ALTER TABLE ledger.${table} DISABLE TRIGGER ALL`);
      const { rowCount } = await client.query(statement);
      assert.ok((rowCount ?? 0) > 0, 'the deed did nothing');
    });
  }

  it('derives the root from the tiles, finds every readable span, and counts what it cannot read', async () => {
    const { report, faults } = await verify();
    assert.deepEqual(faults, []);
    const { size, spans: found, unseen, leaves } = report;
    assert.deepEqual([size, found, unseen, leaves], [SPANS, SPANS - 1, 1, false]);
  });

  it('reads the leaves as well with scope admin', async () => {
    const { report, faults } = await verify({ scope: [...READ, 'admin'] });
    assert.deepEqual([faults, report.leaves], [[], true]);
  });

  it('names each position without a span where all are expected, and the span if its leaf can be read', async () => {
    const given = { completeBelow: SPANS, spans: spans.filter((_, index) => index !== 7) };
    const { faults } = await verify({ ...given, scope: [...READ, 'admin'] });
    const gone = spans[7];
    assert.deepEqual(
      faults.map(({ kind, position, id, seq }) => [kind, position, id, seq]),
      [
        ['missing', 7, gone?.id, 0],
        ['missing', SPANS - 1, bobs.id, 0],
      ],
    );
    const { faults: unnamed } = await verify(given);
    assert.deepEqual(
      unnamed.map(({ kind, position, id }) => [kind, position, id]),
      [
        ['missing', 7, undefined],
        ['missing', SPANS - 1, undefined],
      ],
    );
    const { faults: none } = await verify({ completeBelow: SPANS, spans: [...spans, bobs] });
    assert.deepEqual(none, []);
    const { faults: shorter } = await verify({ completeBelow: SPANS + 1, spans: [...spans, bobs] });
    assert.deepEqual(
      shorter.map(({ kind, position }) => [kind, position]),
      [['checkpoint', SPANS]],
    );
  });

  it('passes over spans of other tenants, which are in logs of their own', async () => {
    const { report, faults } = await verify({ spans: [{ ...bobs, tenant_id: 'other' }, ...spans] });
    assert.deepEqual([faults, report.spans], [[], SPANS - 1]);
  });

  it('names a span that the log does not hold', async () => {
    const forged = { ...bobs, curr_hash: 'ab'.repeat(32) };
    const { report, faults } = await verify({ spans: [...spans, forged] });
    assert.equal(report.faults, 1);
    assert.deepEqual([faults[0]?.kind, faults[0]?.id, faults[0]?.seq], ['unsealed', bobs.id, 0]);
  });

  it('believes no checkpoint of another key', async () => {
    const { faults } = await verify({ publicKey: generateSigningKey().publicKeyHex });
    assert.equal(faults.length, 1);
    assert.match(faults[0]?.detail ?? '', /no good signature of a key given/);
  });

  it('names a checkpoint whose root does not follow from the tiles, after a hash of one was changed', async () => {
    await tamper('UPDATE ledger.log_tile SET hashes = set_byte(hashes, 5, get_byte(hashes, 5) # 1)');
    const { report, faults } = await verify();
    assert.deepEqual([faults[0]?.kind, faults[0]?.position, report.spans], ['checkpoint', SPANS, 0]);
  });

  it('names a higher tile that does not follow from the lower ones', async () => {
    await tamper('UPDATE ledger.log_tile SET root = set_byte(root, 5, get_byte(root, 5) # 1)');
    const { faults } = await verify();
    assert.deepEqual([faults[0]?.kind, faults[0]?.position], ['tile', 0]);
    assert.match(faults[0]?.detail ?? '', /hash 0 of tile 1\/0/);
  });

  it('names a leaf that was changed in a full tile, with scope admin', async () => {
    const changed = toU8('ab'.repeat(32));
    await tamper(
      `UPDATE ledger.log_entry SET curr_hash = '\\x${Buffer.from(changed).toString('hex')}' WHERE position = 7`,
    );
    const { faults } = await verify({ scope: [...READ, 'admin'] });
    assert.deepEqual([faults[0]?.kind, faults[0]?.position], ['entry', 7]);
  });

  it('names the tile that an entry is missing from', async () => {
    await tamper('DELETE FROM ledger.log_entry WHERE position = 280');
    const { faults } = await verify();
    assert.deepEqual([faults.length, faults[0]?.kind, faults[0]?.position], [1, 'tile', 256]);
  });
});

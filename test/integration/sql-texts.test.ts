import assert from 'node:assert/strict';
import path from 'node:path';
import { Client } from 'pg';
import { SPAN_COLUMNS } from '../../runtime/base/span';
import { STATEMENT_TEXTS } from '../../runtime/db/statements.generated';
import { EQUALITY_FILTERS, type TimelineFilter } from '../../runtime/ledger/timeline-filter';
import { timelineQuery } from '../../runtime/ledger/timeline-query';
import { describeStatement } from '../support/describe-statement';
import { type DeclaredKind, kernelStatements } from '../support/kernel-statements';
import { sourceFiles } from '../support/layout';
import { sqlLiterals } from '../support/sql-literals';
import { createTestDatabase, type TestDatabase } from '../support/test-database';

const ROOT = path.join(__dirname, '..', '..');

/** JavaScript kinds that pg, configured as in runtime/db/pool.ts, returns for types in use; other types are text. */
const KINDS: Readonly<Record<string, DeclaredKind>> = {
  bool: 'boolean',
  int2: 'number',
  int4: 'number',
  float4: 'number',
  float8: 'number',
};

const SOURCES = /^(?:runtime|cli|local|infra)\//;
/** Kernels' statements are tested below, user SQL has its own tests, and generated files derive from checked ones. */
const CHECKED_ELSEWHERE = /^runtime\/(?:kernels|sandbox)\/|\.generated\./;

/**
 * Number of texts built at run time, by file. List a new one here together with a test that runs it, unless its parts are
 * constants of its own file.
 */
const BUILT_TEXTS: Readonly<Record<string, number>> = {
  'cli/backup/ledger-tables.ts': 1,
  'cli/backup/restore-backup.ts': 2,
  'cli/backup/stored-spans.ts': 2,
  'cli/backup/write-backup.ts': 2,
  'cli/generate/schema-snapshot.ts': 3,
  'cli/status/read-status.ts': 1,
  'local/pooler-check.ts': 1,
  'runtime/db/ensure-roles.ts': 2,
  'runtime/db/identity-statements.ts': 1,
  'runtime/db/migrate.ts': 1,
  'runtime/db/transaction.ts': 1,
  'runtime/ledger/page-bytes.ts': 2,
  'runtime/proofs/auditor.ts': 1,
  'runtime/proofs/log-audit.ts': 1,
};

describe('SQL texts', () => {
  let database: TestDatabase;
  let client: Client;
  let types: ReadonlyMap<number, string>;
  before(async () => {
    database = await createTestDatabase();
    client = new Client({ connectionString: database.superuserUrl });
    await client.connect();
    const { rows } = await client.query<{ oid: number; typname: string }>('SELECT oid, typname FROM pg_type');
    types = new Map(rows.map(({ oid, typname }) => [oid, typname]));
  });
  after(async () => {
    await client.end();
    await database.drop();
  });

  const namesOf = async (text: string) => (await describeStatement(client, text)).map(({ name }) => name);

  /** How a declared row type differs from the columns of a statement; undefined when it matches. */
  async function rowFault(
    text: string,
    row: ReadonlyMap<string, ReadonlySet<DeclaredKind>> | undefined,
  ): Promise<string | undefined> {
    const columns = new Map(
      (await describeStatement(client, text)).map(({ name, typeOid }) => [name, typeOid]),
    );
    for (const [member, declared] of row ?? []) {
      const oid = columns.get(member);
      if (oid === undefined) return `declares ${member}, which is no column`;
      const type = types.get(oid) ?? '';
      const isAny = /^jsonb?$/.test(type) || declared.has('unknown');
      const kind = type.startsWith('_') || type === 'timestamp' ? 'object' : (KINDS[type] ?? 'string');
      if (!isAny && !(declared.size === 1 && declared.has(kind)))
        return `declares ${member} as ${[...declared].join(' | ')}; ${type} is ${kind}`;
    }
    return undefined;
  }

  it('of kernels fit the migrated schema, and give the rows that they declare', async function () {
    this.timeout(120_000);
    const files = sourceFiles(ROOT).filter((file) => file.startsWith('runtime/kernels/'));
    const statements = kernelStatements(ROOT, files);
    assert.ok(statements.length >= 20, `only ${statements.length} statements were found`);
    assert.ok(statements.filter(({ row }) => row !== undefined).length >= 8, 'row types were found');
    const faults: string[] = [];
    for (const { where, text, row } of statements) {
      const fault = await rowFault(text, row).catch((error: Error) => `fails: ${error.message}\n${text}`);
      if (fault !== undefined) faults.push(`${where} ${fault}`);
    }
    assert.deepEqual(faults, []);
  });

  it('are refused when they name a column that does not exist, or declare a row that does not come', async () => {
    await assert.rejects(rowFault('SELECT nothing FROM ledger.universal_registry', undefined), /nothing/);
    const text = 'SELECT seq, id FROM ledger.universal_registry WHERE id = $1';
    assert.equal(await rowFault(text, new Map([['seq', new Set(['number'] as const)]])), undefined);
    assert.match((await rowFault(text, new Map([['at', new Set(['string'] as const)]]))) ?? '', /no column/);
    assert.match(
      (await rowFault(text, new Map([['seq', new Set(['string'] as const)]]))) ?? '',
      /int4 is number/,
    );
  });

  it('of fixed statements fit the migrated schema', async () => {
    for (const [name, text] of Object.entries(STATEMENT_TEXTS)) {
      await assert.doesNotReject(describeStatement(client, text), name);
    }
  });

  it('elsewhere match it, too, except those built at run time', async function () {
    this.timeout(60_000);
    const files = sourceFiles(ROOT).filter((file) => SOURCES.test(file) && !CHECKED_ELSEWHERE.test(file));
    const literals = sqlLiterals(ROOT, files);
    assert.ok(literals.length >= 80, `only ${literals.length} statements were found`);
    const faults: string[] = [];
    const built: Record<string, number> = {};
    for (const { where, file, text } of literals) {
      if (text === undefined) built[file] = (built[file] ?? 0) + 1;
      else
        await describeStatement(client, text).catch((error: Error) => {
          faults.push(`${where} fails: ${error.message}`);
        });
    }
    assert.deepEqual(faults, []);
    assert.deepEqual(built, BUILT_TEXTS);
  });

  it('of every shape of a timeline fit it, and give every column of a span', async () => {
    const filters: TimelineFilter[] = [
      {},
      ...EQUALITY_FILTERS.map((name) => ({ [name]: name === 'visibility' ? 'public' : 'x' })),
      { related_to: 'x' },
      { since: 'x', until: 'x' },
      { owner_id: 'alice', entity_type: 'note', status: 'open', since: 'x' },
    ];
    const identities = [
      { user: '', tenant: '' },
      { user: 'alice', tenant: 'acme' },
    ];
    const positions = {
      desc: { order: 'desc', snapshot: 's', at: 'a', id: 'i', seq: 0 },
      asc: { order: 'asc', snapshot: 's', at: 'a', id: 'i', seq: 0 },
      feed: { order: 'feed', txId: '0', ordinal: '0' },
    } as const;
    for (const order of ['desc', 'asc', 'feed'] as const) {
      for (const after of [undefined, positions[order]]) {
        for (const identity of identities) {
          for (const filter of filters) {
            const { text } = timelineQuery({ identity, filter, order, limit: 10, after });
            const names = await namesOf(text);
            if (text === 'SELECT WHERE false') continue;
            const columns = [...SPAN_COLUMNS, 'tx_id', 'ordinal'];
            assert.deepEqual(names.slice(0, columns.length), columns, text);
            // After them: the columns for limiting a page, and for its later pages.
            const rest = names.slice(columns.length);
            assert.equal(rest.includes('snapshot'), order !== 'feed' && after === undefined, text);
          }
        }
      }
    }
  });

  it('of the view that users see give the columns of a span', async () => {
    const names = await namesOf('SELECT * FROM ledger.visible_timeline');
    assert.deepEqual(
      names.filter((name) => SPAN_COLUMNS.some((column) => column === name)).sort(),
      [...SPAN_COLUMNS].sort(),
    );
  });
});

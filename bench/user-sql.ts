import type { PoolClient } from 'pg';
import { cryptoReady } from '../runtime/crypto';
import { Database } from '../runtime/db/pool';
import { withPg } from '../runtime/db/with-pg';
import { KeyRing } from '../runtime/ledger/keys/key-ring';
import { SpanWriter } from '../runtime/ledger/span-writer';
import { checkSql } from '../runtime/sandbox';
import { userSqlCases, widestRows } from '../test/support/user-sql-cases';
import type { Bench, BenchContext, BenchResult } from './bench';
import { processCpuMs } from './harness/cpu-time';
import { rounded } from './harness/statistics';

/** Limit for the evaluation of one row in milliseconds, during which PostgreSQL does not check for interrupts. */
const LIMIT_MS = 100;
const SHOWN = 15;

interface Timed {
  readonly title: string;
  /** Milliseconds for the slowest of the widest rows, best of several runs. */
  readonly ms: number;
}

export const bench: Bench = {
  name: 'user-sql',
  title: 'What user SQL can make PostgreSQL do for one row',
  async run(context) {
    await cryptoReady();
    const cluster = await context.cluster();
    const place = await cluster.createDatabase();
    const database = new Database({
      connectionString: place.appUrl,
      poolSize: 1,
      statementTimeoutMs: 60_000,
    });
    try {
      const owners = await appendRows(database, context);
      return resultOf(await timeCases(database, owners, context));
    } finally {
      await database.close();
      await place.drop();
    }
  },
};

/** Each row has its own owner, who sees only this row. */
async function appendRows(database: Database, { quick }: BenchContext): Promise<string[]> {
  const keys = KeyRing.fromSeeds(['07'.repeat(32)]);
  const writer = new SpanWriter({ database, signingKey: () => keys.current });
  const owners: string[] = [];
  for (const [index, row] of widestRows().entries()) {
    if (quick && index > 0) break;
    const user = `owner-${index}`;
    await writer.append({ user, tenant: 'wide' }, [{ entity_type: 'wide', who: user, this: 'row', ...row }]);
    owners.push(user);
  }
  return owners;
}

async function timeCases(
  database: Database,
  owners: readonly string[],
  { quick, progress }: BenchContext,
): Promise<Timed[]> {
  const timed: Timed[] = [];
  for (const { title, text } of userSqlCases()) {
    const checked = await checkSql(text).catch(() => undefined);
    // Refused for its cost.
    if (checked === undefined) continue;
    let ms = 0;
    for (const user of owners)
      ms = Math.max(ms, await bestOf(quick ? 1 : 5, () => runOnce(database, user, checked.text)));
    timed.push({ title, ms });
  }
  progress(`${timed.length} calls of functions, operators and casts`);
  return timed.sort((one, other) => other.ms - one.ms);
}

/**
 * Milliseconds of processor time, or of wall time where the system does not report it: on a busy machine wall time includes
 * other processes.
 */
async function runOnce(database: Database, user: string, text: string): Promise<number> {
  const run = async (client: PoolClient): Promise<number> => {
    const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    const now = () => processCpuMs(rows[0]?.pid ?? 0) ?? performance.now();
    const begin = now();
    // Some functions fail on some rows; the failing statement is timed too.
    await client.query(`SELECT count(value) FROM (${text}) q`).catch(() => undefined);
    return now() - begin;
  };
  return withPg(database, { user, tenant: 'wide' }, ({ client }) => run(client), { readOnly: true });
}

async function bestOf(tries: number, work: () => Promise<number>): Promise<number> {
  let best = Number.POSITIVE_INFINITY;
  for (let index = 0; index < tries; index += 1) best = Math.min(best, await work());
  return best;
}

function resultOf(timed: readonly Timed[]): BenchResult {
  const [slowest = { title: 'nothing', ms: Number.NaN }] = timed;
  return {
    goals: [
      {
        what: 'the slowest call of user SQL with the widest span',
        goal: `at most ${LIMIT_MS} ms`,
        measured: `${rounded(slowest.ms)} ms (${slowest.title})`,
        met: slowest.ms <= LIMIT_MS,
      },
    ],
    tables: [
      {
        caption: `Milliseconds of processor time for one row, the ${SHOWN} slowest of ${timed.length} calls`,
        columns: ['call', 'ms'],
        rows: timed.slice(0, SHOWN).map(({ title, ms }) => [title, rounded(ms)]),
      },
    ],
    figures: { timed },
  };
}

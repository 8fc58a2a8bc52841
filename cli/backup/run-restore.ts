import { rename, rm } from 'node:fs/promises';
import path from 'node:path';
import type { Client } from 'pg';
import { type DataDirectory, dataDirectory, prepareDataDirectory } from '../../local/data-directory';
import { devSettings } from '../../local/dev-settings';
import { GuardFile, guardPath } from '../../local/guard-file';
import { type LocalKeys, requireKeys } from '../../local/keys';
import { type LocalDatabase, openLocalDatabase } from '../../local/local-database';
import { OperatorError } from '../../local/operator-error';
import { takeRunLock } from '../../local/run-lock';
import { resetSuperuserPassword } from '../../local/superuser-password';
import { cryptoReady } from '../../runtime/crypto';
import { connectAdmin } from '../../runtime/db/admin-client';
import { migrate } from '../../runtime/db/migrate';
import { moveCounter } from '../../runtime/db/move-counter';
import { Database } from '../../runtime/db/pool';
import { SpanWriter } from '../../runtime/ledger/span-writer';
import { beginEpoch } from '../../runtime/proofs/begin-epoch';
import { type LostBatches, tellLogs } from '../../runtime/proofs/tell-logs';
import { ownDatabaseUrl } from '../open-database';
import { type ProgressLine, progressLine } from '../progress-line';
import type { BaseBackupEnd } from './base-backup-file';
import { countRows, ledgerTables } from './ledger-tables';
import { openBackup } from './opened-backup';
import { placeBaseBackup, requireFitting, unpackForServer } from './place-base-backup';
import { restoreBackup } from './restore-backup';
import { keysFor } from './restored-keys';
import { verifyStored } from './stored-spans';
import { UNHURRIED } from './write-backup';

/** Options of `logline restore`. */
export interface RestoreOptions {
  readonly json?: boolean;
  readonly newKeys?: boolean;
  /** Folder into which to unpack a base backup, without restoring it. */
  readonly unpack?: string;
}

/** Report of a restore. */
export interface RestoreReport {
  readonly spans: number;
  readonly rows: Readonly<Record<string, number>>;
  readonly faults: readonly string[];
  /** Batches that the rollback guard knows and the restored state lacks; undefined without a guard. */
  readonly lost: LostBatches | undefined;
  /** Number of renamed logs, each of which records the new name in a span. */
  readonly renamed_logs: number;
}

/**
 * Restores a backup into an empty place. Without a file, resumes a ledger whose database was restored by other means (a
 * copied data folder, a snapshot, pg_restore). Both move the transaction counter, begin a new feed epoch, set the old
 * rollback guard aside, and verify every span.
 */
export async function runRestore(file: string | undefined, options: RestoreOptions): Promise<void> {
  await cryptoReady();
  const from = file === undefined ? undefined : await openBackup(path.resolve(file));
  if (options.unpack !== undefined) return unpackForServer(from, path.resolve(options.unpack));
  requireFitting(from);
  const data = dataDirectory();
  const { rolePrefix } = devSettings();
  await prepareDataDirectory(data);
  const lock = await takeRunLock(data);
  const progress = progressLine();
  const isOwnServer = ownDatabaseUrl() !== undefined;
  let isBegun = false;
  try {
    const keys =
      from === undefined
        ? await requireKeys(data)
        : await keysFor(from.header, data, options.newKeys === true);
    if (from !== undefined && !isOwnServer) isBegun = true;
    const base = from?.kind === 'base' ? await placeBaseBackup(from.path, data) : undefined;
    if (base !== undefined && !isOwnServer && options.newKeys)
      await resetSuperuserPassword(data.postgres, keys.passwords.superuser);
    const database = await openLocalDatabase({
      data,
      keys,
      url: ownDatabaseUrl(),
      rolePrefix,
      onProgress: (text) => progress.show(text),
      onTrouble: (message) => void process.stderr.write(`logline: ${message}\n`),
    });
    try {
      const context = { data, keys, database, rolePrefix, progress };
      const checked = from?.kind === 'dump' ? await fill(context, from.path) : await settle(context, base);
      isBegun = false;
      const report = { ...checked, renamed_logs: await tell(context, checked.lost) };
      progress.clear();
      print(report, options);
      if (report.faults.length > 0) process.exitCode = 1;
    } finally {
      await database.stop();
    }
  } catch (error) {
    // This restore created the folder: it refuses an existing one.
    if (isBegun) await rm(data.postgres, { recursive: true, force: true });
    throw error;
  } finally {
    progress.clear();
    await lock.release();
  }
}

interface Context {
  readonly data: DataDirectory;
  readonly keys: LocalKeys;
  readonly database: LocalDatabase;
  readonly rolePrefix: string;
  readonly progress: ProgressLine;
}

type Checked = Omit<RestoreReport, 'renamed_logs'>;

async function fill(context: Context, file: string): Promise<Checked> {
  const { database, keys, rolePrefix, progress } = context;
  const end = await restoreBackup({
    admin: database.admin,
    passwords: keys.passwords,
    rolePrefix,
    path: file,
    guard: await guardOf(context.data).read(),
    onProgress: (text) => progress.show(text),
  });
  const report = await check(context);
  // Later migrations may add tables, so only the backup's tables are compared. The new epoch is one more row.
  const missing = Object.entries(end.rows).filter(([table, rows]) => {
    const expected = table === 'app.feed_epoch' ? rows + 1 : rows;
    return report.rows[table] !== expected;
  });
  return {
    ...report,
    faults: [...report.faults, ...missing.map(differs)],
  };
}

/**
 * Resumes a database that was restored by other means.
 * @param end end of the base backup that it was restored from
 */
async function settle(context: Context, end?: BaseBackupEnd): Promise<Checked> {
  const { database, keys, rolePrefix, progress } = context;
  await requireLedger(database);
  await migrate({ admin: { ...database.admin, ...UNHURRIED }, passwords: keys.passwords, rolePrefix });
  const least = await asBackup(context, async (client) => {
    const { rows } = await client.query<{ least: string }>(
      `SELECT (coalesce(max(tx_id::text::numeric), 0) + 1)::text AS least
         FROM (SELECT tx_id FROM ledger.universal_registry ORDER BY tx_id DESC LIMIT 1) AS last`,
    );
    return BigInt(rows[0]?.least ?? '1');
  });
  const client = await connectAdmin({ ...database.admin, ...UNHURRIED });
  try {
    await moveCounter(client, least, (left) =>
      progress.show(`moving the transaction counter: ${left} ids, about ${left / 190_000n} s left`),
    );
    await beginEpoch(client, await guardOf(context.data).read());
  } finally {
    await client.end();
  }
  const report = await check(context);
  const missing = Object.entries(end?.rows_before ?? {}).filter(([table, least]) => {
    const found = report.rows[table] ?? 0;
    return found < least || found > (end?.rows_after[table] ?? 0);
  });
  return { ...report, faults: [...report.faults, ...missing.map(differs)] };
}

async function requireLedger({ admin }: LocalDatabase): Promise<void> {
  const client = await connectAdmin(admin);
  try {
    const { rows } = await client.query<{ is_there: boolean }>(
      "SELECT to_regclass('ledger.universal_registry') IS NOT NULL AS is_there",
    );
    if (rows[0]?.is_there) return;
    throw new OperatorError(
      'the database holds no ledger yet: name the dump that goes in, or put the data folder back first (restore --unpack)',
    );
  } finally {
    await client.end();
  }
}

function differs([table]: readonly [string, number]): string {
  return `${table}: rows differ from the backup`;
}

async function check(context: Context): Promise<Checked> {
  const { progress } = context;
  return asBackup(context, async (client) => {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY');
    const rows = await countRows(client, await ledgerTables(client));
    const { report, faults } = await verifyStored(client, (spans) =>
      progress.show(`checking: ${spans} spans`),
    );
    const lost = await layGuardAside(context.data, client);
    await client.query('ROLLBACK');
    const shown = faults.map(({ id, seq, detail }) => `span ${id} version ${seq}: ${detail}`);
    return { spans: report.spans, rows, faults: shown, lost };
  });
}

/** Records each renamed log in a span of its own. */
async function tell({ database, keys, progress }: Context, lost: LostBatches | undefined): Promise<number> {
  const sealing = new Database({ ...database.as.sealer, poolSize: 1 });
  const app = new Database({ ...database.as.app, poolSize: 2 });
  const writer = new SpanWriter({ database: app, signingKey: () => keys.ring.current });
  try {
    return await tellLogs({
      sealing,
      database: app,
      append: (identity, drafts) => writer.append(identity, drafts),
      lost,
      onProgress: (logs) => progress.show(`${logs} logs have recorded their new name`),
    });
  } finally {
    await Promise.all([sealing.close(), app.close()]);
  }
}

/** Renames the old guard, which is ahead of the restored ledger; the sealer then writes a new one. */
async function layGuardAside(data: DataDirectory, client: Client): Promise<RestoreReport['lost']> {
  const guard = guardOf(data);
  const record = await guard.read();
  if (record === undefined) return undefined;
  const { rows } = await client.query<{ batch: string }>('SELECT batch::text FROM app.seal_cursor');
  await rename(guard.path, `${guard.path}.${new Date().toISOString().replaceAll(':', '-')}`);
  return { batches: Math.max(0, record.batch - Number(rows[0]?.batch ?? 0)), up_to_tx_id: record.tx_id };
}

function guardOf(data: DataDirectory): GuardFile {
  return new GuardFile(guardPath(data.path));
}

async function asBackup<T>({ database }: Context, work: (client: Client) => Promise<T>): Promise<T> {
  const client = await connectAdmin({ ...database.as.backup, ...UNHURRIED });
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

function print(report: RestoreReport, { json, newKeys }: RestoreOptions): void {
  const { spans, faults, lost, renamed_logs: renamed } = report;
  if (json) {
    process.stdout.write(`${JSON.stringify({ ...report, lost: lost ?? null })}\n`);
    return;
  }
  const lines = [
    `${spans} spans are in place. The feed has begun a new epoch, in which kept cursors continue from the last span here`,
    ...lostLines(lost, renamed),
    ...(newKeys
      ? [
          'The keys here are not those that signed the spans. Run npx logline keys adopt to continue under them; until then the ledger does not start',
        ]
      : []),
    ...(faults.length === 0
      ? [
          `OK: ${spans} spans: every hash, signature and version chain holds, and every table has the rows it had`,
        ]
      : ['FAILED:', ...faults]),
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
}

/** Tells the operator what a restore does not bring back. */
export function lostLines(lost: LostBatches | null | undefined, renamed: number): readonly string[] {
  return [
    ...(lost == null || lost.batches === 0
      ? []
      : [
          `LOST: the ledger before had sealed ${lost.batches} batches more, up to transaction ${lost.up_to_tx_id}; their spans are missing here`,
        ]),
    ...(renamed === 0
      ? []
      : [
          `${renamed} logs go on under another name, because signed leaves may be missing here: publish their new verifier keys (npx logline checkpoint --vkey)`,
        ]),
  ];
}

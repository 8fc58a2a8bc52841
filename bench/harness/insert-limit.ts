import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import type { Identity } from '../../runtime/base/identity';
import { HelperProcess } from './helper-process';
import { sampleSpan } from './sample-spans';

/** Plan for inserting rows as LogLine stores them directly into PostgreSQL. */
export interface InsertLimit {
  /** URL as `logline_app`, so that row-level security, triggers and indexes apply as in the product. */
  readonly appUrl: string;
  readonly clients: number;
  /** Rows of one INSERT, which is one commit. */
  readonly rowsPerInsert: number;
  readonly seconds: number;
  /** Identity, set once per connection, which costs less than once per transaction. */
  readonly identity: Identity;
}

/** Measured rate of inserts. */
export interface InsertRate {
  readonly rowsPerSecond: number;
  /** Mean milliseconds of one INSERT. */
  readonly latencyMs: number;
}

/** Measures {@link InsertLimit}s, by pgbench where it is installed, since it is the fastest client. */
export interface InsertMeter {
  readonly tool: string;
  measure(limit: InsertLimit): Promise<InsertRate>;
  close(): Promise<void>;
}

const run = promisify(execFile);

/** Opens a meter: pgbench where it is installed, else processes of our own. */
export async function openInsertMeter(): Promise<InsertMeter> {
  const version = await run('pgbench', ['--version']).catch(() => undefined);
  if (version === undefined) {
    const helper = new HelperProcess('insert-limit-process.ts');
    return {
      tool: 'prepared inserts by npm pg',
      measure: (limit) => helper.call<InsertRate>('insert', limit),
      close: () => helper.stop(),
    };
  }
  const folder = await mkdtemp(path.join(tmpdir(), 'logline-pgbench-'));
  return {
    tool: version.stdout.trim(),
    measure: (limit) => pgbench(limit, folder),
    close: () => rm(folder, { recursive: true, force: true }),
  };
}

async function pgbench(limit: InsertLimit, folder: string): Promise<InsertRate> {
  const script = path.join(folder, `insert-${limit.rowsPerInsert}.sql`);
  await writeFile(script, insertScript(limit));
  const url = new URL(limit.appUrl);
  const { stdout } = await run(
    'pgbench',
    [
      '--no-vacuum',
      '--protocol=prepared',
      `--file=${script}`,
      `--client=${limit.clients}`,
      `--jobs=${Math.min(2, limit.clients)}`,
      // Whole seconds, plus time for clients to log in.
      `--time=${Math.ceil(limit.seconds) + Math.ceil(limit.clients / 64)}`,
    ],
    {
      env: {
        ...process.env,
        PGHOST: url.hostname,
        PGPORT: url.port,
        PGUSER: decodeURIComponent(url.username),
        PGPASSWORD: decodeURIComponent(url.password),
        PGDATABASE: decodeURIComponent(url.pathname.slice(1)),
        PGOPTIONS: `-c app.user_id=${limit.identity.user} -c app.tenant_id=${limit.identity.tenant} -c timezone=UTC`,
      },
    },
  );
  return {
    rowsPerSecond: numberIn(stdout, /^tps = ([\d.]+)/m) * limit.rowsPerInsert,
    latencyMs: numberIn(stdout, /^latency average = ([\d.]+) ms/m),
  };
}

function numberIn(text: string, pattern: RegExp): number {
  const [, number] = pattern.exec(text) ?? [];
  if (number === undefined) throw new Error(`pgbench did not say ${pattern}: ${text}`);
  return Number(number);
}

/** Ids ordered by time, as UUIDv7: random ones would slow the indexes and flatter the product. */
const ID = `encode(overlay(uuid_send(gen_random_uuid()) PLACING
  substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3) FROM 1 FOR 6), 'hex')::uuid`;

function insertScript({ rowsPerInsert, identity }: InsertLimit): string {
  const rows = Array.from({ length: rowsPerInsert }, (_, index) => storedRow(identity, index));
  const columns = (rows[0] ?? []).map(([name]) => name).join(', ');
  const tuples = rows.map(
    (row) =>
      `(${row.map(([name, value]) => (name === 'id' ? ID : name === 'at' ? 'clock_timestamp()' : literal(value))).join(', ')})`,
  );
  return `INSERT INTO ledger.universal_registry (${columns}) VALUES ${tuples.join(', ').replaceAll('\n', ' ')};\n`;
}

/** A literal with escaped colons, since pgbench substitutes `:name` even within quotes. */
function literal(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return `E'${String(value).replaceAll('\\', '\\\\').replaceAll("'", "''").replaceAll(':', '\\x3a')}'`;
}

type Column = readonly [name: string, value: unknown];

/** The row of a sample span; hash and signature have the right length but are not valid. */
export function storedRow(identity: Identity, number: number): readonly Column[] {
  const { input, metadata, ...members } = sampleSpan(number) as Record<string, unknown>;
  return [
    ['id', randomUUID()],
    ['seq', 0],
    ['at', new Date().toISOString()],
    ['owner_id', identity.user],
    ['tenant_id', identity.tenant],
    ['is_deleted', false],
    ...Object.entries(members),
    ['input', JSON.stringify(input)],
    ['metadata', JSON.stringify(metadata)],
    ['curr_hash', number.toString(16).padStart(64, '0')],
    ['signature', number.toString(16).padStart(128, '0')],
    ['public_key', '0'.repeat(64)],
  ];
}

import { randomUUID } from 'node:crypto';
import { Client } from 'pg';

/** Identity of a raw session; absent members are not set. */
export interface SessionIdentity {
  readonly user?: string;
  readonly tenant?: string;
}

/** A row for a raw INSERT; hashes and signature have the right length but are not valid. */
export interface RawRow {
  readonly id: string;
  readonly seq: number;
  readonly entity_type: string;
  readonly who: string;
  readonly this: string;
  readonly at: string;
  readonly owner_id: string;
  readonly tenant_id: string;
  readonly visibility: string;
  readonly is_deleted: boolean;
  readonly prev_hash: string | null;
  readonly curr_hash: string;
  readonly signature: string;
  readonly public_key: string;
}

/** Opens a connection for `use` and closes it afterwards. */
export async function withClient<T>(url: string, use: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}

/** Sets the identity for the open transaction. */
export async function setIdentity(client: Client, { user, tenant }: SessionIdentity): Promise<void> {
  if (user !== undefined) await client.query(`SELECT set_config('app.user_id', $1, true)`, [user]);
  if (tenant !== undefined) await client.query(`SELECT set_config('app.tenant_id', $1, true)`, [tenant]);
}

/** Runs `work` in a transaction under an identity; commits, or rolls back when it throws. */
export async function inTransaction<T>(
  client: Client,
  identity: SessionIdentity,
  work: () => Promise<T>,
): Promise<T> {
  await client.query('BEGIN');
  try {
    await setIdentity(client, identity);
    const result = await work();
    await client.query('COMMIT');
    return result;
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  }
}

export function rawRow(row: Partial<RawRow> = {}): RawRow {
  return {
    id: randomUUID(),
    seq: 0,
    entity_type: 'note',
    who: 'somebody',
    this: 'something',
    at: new Date().toISOString(),
    owner_id: 'alice',
    tenant_id: 'acme',
    visibility: 'private',
    is_deleted: false,
    prev_hash: null,
    curr_hash: hash(0),
    signature: '0'.repeat(128),
    public_key: '0'.repeat(64),
    ...row,
  };
}

/** A made-up hash that differs for each number. */
export function hash(number: number): string {
  return number.toString(16).padStart(64, '0');
}

/** Inserts a row with the client's current role and identity. */
export async function insertRow(client: Client, row: object): Promise<void> {
  const columns = Object.keys(row);
  await client.query(
    `INSERT INTO ledger.universal_registry (${columns.join(', ')})
     VALUES (${columns.map((_, index) => `$${index + 1}`).join(', ')})`,
    Object.values(row),
  );
}

/** The SQLSTATE with which `work` fails; undefined when it succeeds. */
export async function refusalOf(work: Promise<unknown>): Promise<string | undefined> {
  try {
    await work;
    return undefined;
  } catch (error) {
    if (error instanceof Error && 'code' in error) return String(error.code);
    throw error;
  }
}

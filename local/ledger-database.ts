import { Client, escapeIdentifier, escapeLiteral } from 'pg';

/** Owner of the database and its schemas. No superuser, like RDS's master user. */
export const OWNER_ROLE = 'logline_owner';

/** Name of the ledger's database on the embedded server. */
export const LEDGER_DATABASE = 'logline';

/**
 * Ensures that the role `logline_owner` exists with this password, and the database `name`. The owner is no superuser and
 * does not bypass row-level security, so that what works here also works with a managed server's master user.
 *
 * @param superuserUrl URL of a superuser on the database `postgres`
 */
export async function ensureLedgerDatabase(
  superuserUrl: string,
  ownerPassword: string,
  name: string = LEDGER_DATABASE,
): Promise<void> {
  const client = new Client({ connectionString: superuserUrl });
  await client.connect();
  try {
    const role = await client.query('SELECT 1 FROM pg_roles WHERE rolname = $1', [OWNER_ROLE]);
    const verb = role.rowCount === 0 ? 'CREATE' : 'ALTER';
    await client.query(
      `${verb} ROLE ${OWNER_ROLE} LOGIN CREATEROLE CREATEDB NOSUPERUSER NOBYPASSRLS PASSWORD ${escapeLiteral(ownerPassword)}`,
    );
    // Lets the owner set the guests' limit of temporary files, which otherwise takes a superuser.
    await client.query(`GRANT SET ON PARAMETER temp_file_limit TO ${OWNER_ROLE}`);
    const database = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [name]);
    if (database.rowCount === 0) {
      await client.query(`CREATE DATABASE ${escapeIdentifier(name)} OWNER ${OWNER_ROLE}`);
    }
  } finally {
    await client.end();
  }
}

/** URL of `role` on the embedded server. */
export function databaseUrl(port: number, role: string, password: string, database: string): string {
  return `postgres://${role}:${encodeURIComponent(password)}@127.0.0.1:${port}/${encodeURIComponent(database)}`;
}

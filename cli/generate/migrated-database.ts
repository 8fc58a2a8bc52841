import { randomBytes } from 'node:crypto';
import { databaseUrl, ensureLedgerDatabase, LEDGER_DATABASE, OWNER_ROLE } from '../../local/ledger-database';
import { startThrowawayPostgres } from '../../local/throwaway-postgres';
import { migrate } from '../../runtime/db/migrate';

/** A database with the schema and no rows. */
export interface MigratedDatabase {
  /** URL of the owner of the schema. */
  readonly adminUrl: string;
}

/** Runs `use` with a fresh database to which every migration has been applied. */
export async function withMigratedDatabase<T>(use: (database: MigratedDatabase) => Promise<T>): Promise<T> {
  const server = await startThrowawayPostgres();
  try {
    const password = randomBytes(16).toString('hex');
    await ensureLedgerDatabase(server.superuserUrl('postgres'), password);
    const adminUrl = databaseUrl(server.port, OWNER_ROLE, password, LEDGER_DATABASE);
    await migrate({ admin: { connectionString: adminUrl } });
    return await use({ adminUrl });
  } finally {
    await server.stop();
  }
}

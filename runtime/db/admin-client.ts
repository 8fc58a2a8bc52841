import { Client } from 'pg';
import type { DatabaseOptions } from './database-options';
import { clientConfig } from './pool';

/**
 * Opens a single connection outside any pool, for the owner of the schema or to try a role's password. The caller ends
 * it.
 * @throws pg's error when the database cannot be reached or refuses the role
 */
export async function connectAdmin(options: DatabaseOptions): Promise<Client> {
  const client = withoutCrash(new Client({ ...clientConfig(options), pipeline: false }));
  try {
    await client.connect();
    return client;
  } catch (error) {
    await client.end().catch(() => undefined);
    throw error;
  }
}

/** Keeps a connection that breaks between two statements from ending the process: the next statement fails instead. */
export function withoutCrash<T extends { on(event: 'error', listener: () => void): unknown }>(
  connection: T,
): T {
  connection.on('error', () => undefined);
  return connection;
}

import { Client } from 'pg';
import type { DatabaseOptions } from './database-options';
import { clientConfig } from './pool';

/**
 * One connection of its own, for the owner of the schema or to try a role's password. The caller ends it.
 * @throws what pg throws when the database cannot be reached or refuses the role.
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

/** A connection that breaks between two statements must not end the process: the next statement says so. */
export function withoutCrash<T extends { on(event: 'error', listener: () => void): unknown }>(
  connection: T,
): T {
  connection.on('error', () => undefined);
  return connection;
}

import type { PostgresServer } from '../../local/postgres';
import { startThrowawayPostgres } from '../../local/throwaway-postgres';

let running: Promise<PostgresServer> | undefined;

/** The one PostgreSQL server of this mocha run, started on first use. */
export function testCluster(): Promise<PostgresServer> {
  running ??= startThrowawayPostgres();
  return running;
}

/** Stops the server if this run started one. Called by the root hook. */
export async function stopTestCluster(): Promise<void> {
  const server = await running?.catch(() => undefined);
  running = undefined;
  await server?.stop();
}

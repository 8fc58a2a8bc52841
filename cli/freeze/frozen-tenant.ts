import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from 'pg';
import { OperatorError } from '../../local/operator-error';

const POLL_MS = 100;

/**
 * Stops the writes of a tenant: claims stop, claimed work ends, then writes are refused. Reads go on.
 * @param client connected as the owner of the schema
 * @param waitSeconds time limit for claimed work and open transactions
 * @throws OperatorError when they do not end in time; the state is kept, so that a repeated call resumes
 */
export async function freezeTenant(client: Client, tenant: string, waitSeconds: number): Promise<void> {
  const untilMs = performance.now() + waitSeconds * 1000;
  await client.query(
    'INSERT INTO app.frozen_tenant (tenant_id, is_closed) VALUES ($1, false) ON CONFLICT DO NOTHING',
    [tenant],
  );
  await waitFor(client, untilMs, 'requests of the tenant still run', {
    text: `SELECT NOT EXISTS (SELECT FROM app.request_queue
            WHERE tenant_id = $1 AND lease_id IS NOT NULL AND due_at > clock_timestamp()) AS done`,
    values: [tenant],
  });
  await client.query('UPDATE app.frozen_tenant SET is_closed = true WHERE tenant_id = $1', [tenant]);
  await passWriters(client);
  const { rows } = await client.query<{ id: string }>('SELECT pg_current_xact_id() AS id');
  await waitFor(client, untilMs, 'an older transaction is still open', {
    text: 'SELECT pg_snapshot_xmin(pg_current_snapshot()) > $1::xid8 AS done',
    values: [rows[0]?.id],
  });
}

/** Time for kernels to notice the salt of an imported tenant; see `runtime/ledger/tenant-salts.ts`. */
const SALT_NOTICED = {
  text: `SELECT NOT EXISTS (SELECT FROM app.tenant_salt
          WHERE tenant_id = $1 AND at > clock_timestamp() - interval '2 seconds') AS done`,
  waitMs: 10_000,
};

/**
 * Allows the writes of a tenant again.
 * @returns false when it was not frozen
 */
export async function thawTenant(client: Client, tenant: string): Promise<boolean> {
  await waitFor(client, performance.now() + SALT_NOTICED.waitMs, 'its work was just imported', {
    text: SALT_NOTICED.text,
    values: [tenant],
  });
  const { rowCount } = await client.query('DELETE FROM app.frozen_tenant WHERE tenant_id = $1', [tenant]);
  return rowCount === 1;
}

/**
 * Waits for every write that began before the freeze was visible: an INSERT locks the table before it takes its
 * snapshot, so one that gets the lock after us sees the freeze.
 */
async function passWriters(client: Client): Promise<void> {
  await client.query('BEGIN');
  await client.query('LOCK TABLE ledger.universal_registry IN SHARE MODE');
  await client.query('COMMIT');
}

async function waitFor(
  client: Client,
  untilMs: number,
  what: string,
  query: { readonly text: string; readonly values: unknown[] },
): Promise<void> {
  for (;;) {
    const { rows } = await client.query<{ done: boolean }>(query);
    if (rows[0]?.done === true) return;
    if (performance.now() > untilMs) throw new OperatorError(`${what}; run freeze again, or thaw`);
    await delay(POLL_MS);
  }
}

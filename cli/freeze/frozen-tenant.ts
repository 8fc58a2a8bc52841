import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from 'pg';
import { OperatorError } from '../../local/operator-error';

const POLL_MS = 100;

/**
 * Closes a tenant for writes: nothing of it is claimed any more, what was claimed comes to its end, then writes are
 * refused, and all that was written before can still be read.
 * @param client of the owner of the schema
 * @param waitSeconds how long claimed work and open transactions are waited for
 * @throws OperatorError when they do not end; what was reached by then stays, so that the same call goes on
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

/** Kernels may take their time to notice the salt that a tenant brought along; see `runtime/ledger/tenant-salts.ts`. */
const SALT_NOTICED = {
  text: `SELECT NOT EXISTS (SELECT FROM app.tenant_salt
          WHERE tenant_id = $1 AND at > clock_timestamp() - interval '2 seconds') AS done`,
  waitMs: 10_000,
};

/**
 * Opens a tenant again.
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
 * Returns when every statement that wrote without having seen the closed tenant has ended: an INSERT locks the table
 * before it takes its snapshot, so who gets the lock after us sees what we committed.
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

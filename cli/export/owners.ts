import { Client } from 'pg';
import { dataDirectory } from '../../local/data-directory';
import { requireKeys } from '../../local/keys';
import { databaseUrl, LEDGER_DATABASE } from '../../local/ledger-database';
import { OperatorError } from '../../local/operator-error';
import { currentRun } from '../../local/run-lock';
import { unreachable } from '../local-ledger';
import { ownDatabaseUrl } from '../open-database';

/** An owner of spans in a tenant. */
export interface Owner {
  readonly user: string;
  readonly spans: number;
}

const SUPERUSER = 'postgres';

/**
 * Lists the owners of a tenant's spans with their span counts. Row-level security hides this from every role of the ledger,
 * so it runs as the embedded server's superuser, or as the role of DATABASE_URL if that may see all rows.
 * @throws OperatorError when there is no such role
 */
export async function ownersOf(tenant: string, since: string | null): Promise<readonly Owner[]> {
  const url = await allSeeingUrl();
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
  } catch (cause) {
    throw unreachable(url, cause);
  }
  try {
    const { rows: roles } = await client.query<{ sees_all: boolean }>(
      'SELECT rolsuper OR rolbypassrls AS sees_all FROM pg_roles WHERE rolname = current_user',
    );
    if (roles[0]?.sees_all !== true) {
      throw new OperatorError(
        'the role of DATABASE_URL cannot tell who owns spans in the tenant; name the users with --user',
        { exitCode: 2 },
      );
    }
    const { rows } = await client.query<{ owner_id: string; spans: string }>(
      `SELECT owner_id, count(*) AS spans FROM ledger.universal_registry
        WHERE tenant_id = $1 AND ($2::timestamptz IS NULL OR at >= $2) GROUP BY owner_id ORDER BY owner_id`,
      [tenant, since],
    );
    return rows.map(({ owner_id, spans }) => ({ user: owner_id, spans: Number(spans) }));
  } finally {
    await client.end();
  }
}

async function allSeeingUrl(): Promise<string> {
  const own = ownDatabaseUrl();
  if (own !== undefined) return own;
  const data = dataDirectory();
  const keys = await requireKeys(data);
  const port = (await currentRun(data))?.postgresPort;
  if (port === undefined) throw new OperatorError(`no LogLine runs on ${data.path}; start it with npm start`);
  return databaseUrl(port, SUPERUSER, keys.passwords.superuser, LEDGER_DATABASE);
}

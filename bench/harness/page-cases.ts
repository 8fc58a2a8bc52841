import { Client } from 'pg';
import type { Identity } from '../../runtime/base/identity';
import type { TimelineFilter, TimelineFilterValues } from '../../runtime/ledger/timeline-filter';
import { BIG_TENANT, idOfRow, MIDDLE_TENANT, type SizedLedger, SMALL_TENANT, USER } from './sized-ledger';

/** A page request. */
export interface PageCase {
  readonly label: string;
  readonly identity: Identity;
  readonly filter: TimelineFilter;
  /** Filters with several values each. Defaults to none. */
  readonly repeated?: TimelineFilterValues;
}

const of = (tenant: string): Identity => ({ user: USER, tenant });

/** All filters for the largest tenant, which has half of all rows, and the plain listing for others. */
export async function pageCases(ledger: SizedLedger): Promise<readonly PageCase[]> {
  const client = new Client({ connectionString: ledger.database.superuserUrl });
  await client.connect();
  try {
    const { rows } = await client.query<{ trace_id: string; parent_id: string; at: Date; related: string }>(
      `SELECT trace_id, parent_id, at, related_to[1] AS related FROM ledger.universal_registry
       WHERE tenant_id = $1 AND visibility = 'tenant' AND parent_id IS NOT NULL AND related_to IS NOT NULL
       ORDER BY at DESC OFFSET 100 LIMIT 1`,
      [BIG_TENANT],
    );
    const [row] = rows;
    if (row === undefined) throw new Error('the ledger holds no row that has everything');
    const big = (filter: TimelineFilter): Pick<PageCase, 'identity' | 'filter'> => ({
      identity: of(BIG_TENANT),
      filter,
    });
    return [
      { label: 'all', ...big({}) },
      { label: 'all, small tenant', identity: of(SMALL_TENANT), filter: {} },
      { label: 'all, middle tenant', identity: of(MIDDLE_TENANT), filter: {} },
      { label: 'all, no token', identity: { user: '', tenant: '' }, filter: {} },
      { label: 'entity_type', ...big({ entity_type: 'kind-3' }) },
      { label: 'entity_type, rare', ...big({ entity_type: 'incident' }) },
      { label: 'status', ...big({ status: 'running' }) },
      { label: 'who', ...big({ who: 'agent:7' }) },
      { label: 'who, rare', ...big({ who: 'agent:auditor' }) },
      { label: 'did', ...big({ did: 'verb-2' }) },
      { label: 'owner_id', ...big({ owner_id: 'user-5' }) },
      { label: 'owner_id, own', ...big({ owner_id: USER }) },
      { label: 'tenant_id', ...big({ tenant_id: BIG_TENANT }) },
      { label: 'tenant_id, of another', identity: of(MIDDLE_TENANT), filter: { tenant_id: BIG_TENANT } },
      { label: 'visibility private', ...big({ visibility: 'private' }) },
      { label: 'visibility public', ...big({ visibility: 'public' }) },
      { label: 'name', ...big({ name: 'call 7' }) },
      { label: 'trace_id', ...big({ trace_id: row.trace_id }) },
      { label: 'parent_id', ...big({ parent_id: row.parent_id }) },
      { label: 'related_to', ...big({ related_to: row.related }) },
      {
        label: 'since and until',
        ...big({ since: await momentOf(client, 2_000), until: row.at.toISOString() }),
      },
      { label: 'entity_type and who', ...big({ entity_type: 'kind-3', who: 'agent:7' }) },
      { label: 'two of status', ...big({}), repeated: { status: ['running', 'failed'] } },
      {
        label: 'two of status, five of who',
        ...big({}),
        repeated: {
          status: ['running', 'complete'],
          who: ['agent:1', 'agent:7', 'agent:9', 'agent:30', 'agent:auditor'],
        },
      },
    ];
  } finally {
    await client.end();
  }
}

async function momentOf(client: Client, row: number): Promise<string> {
  const id = await idOfRow(client, row);
  const { rows } = await client.query<{ at: Date }>(
    'SELECT at FROM ledger.universal_registry WHERE id = $1',
    [id],
  );
  return (rows[0]?.at ?? new Date(0)).toISOString();
}

import { escapeLiteral, type PoolClient } from 'pg';
import { ORDERED_PLAN } from '../../runtime/db/identity-statements';
import type { Database } from '../../runtime/db/pool';
import type { Statement } from '../../runtime/db/query-as';
import { withPg } from '../../runtime/db/with-pg';
import { readTimeline, type TimelinePage } from '../../runtime/ledger/timeline';
import { isOrderedPlan, timelineQuery } from '../../runtime/ledger/timeline-query';
import type { TimelineRequest } from '../../runtime/ledger/timeline-request';

/** A plan node of EXPLAIN (ANALYZE), with the members used here. */
export interface PlanNode {
  readonly type: string;
  /** Indexes that it reads; several when bitmaps are combined. */
  readonly indexes: readonly string[];
  readonly rows: number;
  readonly rowsRemoved: number;
}

/** A page and its plan. */
export interface ExplainedPage {
  readonly page: TimelinePage;
  /** Nodes that touch `ledger.universal_registry`. */
  readonly scans: readonly PlanNode[];
  readonly buffers: number;
}

/** Reads a page of the timeline, then explains the same statement under the same identity and settings. */
export async function explainTimeline(database: Database, request: TimelineRequest): Promise<ExplainedPage> {
  const page = await readTimeline(database, request);
  const plan = await withPg(
    database,
    request.identity,
    async ({ client }) => {
      const settings = isOrderedPlan(request) ? Object.entries(ORDERED_PLAN) : [];
      for (const [name, value] of settings)
        await client.query('SELECT set_config($1, $2, true)', [name, value]);
      return explain(client, timelineQuery(request));
    },
    { readOnly: true },
  );
  return {
    page,
    scans: nodesOf(plan)
      .filter((node) => node['Relation Name'] === 'universal_registry')
      .map(planNode),
    buffers: Number(plan['Shared Hit Blocks']) + Number(plan['Shared Read Blocks']),
  };
}

const EXPLAIN = 'EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON)';

/** Named statements run with a generic plan, which only EXPLAIN of a prepared statement shows. */
async function explain(client: PoolClient, { text, values, name }: Statement): Promise<RawNode> {
  if (name === undefined) return planOf(await client.query(`${EXPLAIN} ${text}`, [...values]));
  await client.query(`PREPARE explained AS ${text}`);
  const literals = values.map((value) => escapeLiteral(String(value)));
  const answer = await client.query(`${EXPLAIN} EXECUTE explained (${literals.join(', ')})`);
  await client.query('DEALLOCATE explained');
  return planOf(answer);
}

function planOf({ rows }: { readonly rows: readonly Record<string, unknown>[] }): RawNode {
  const plans = rows[0]?.['QUERY PLAN'] as readonly { readonly Plan: RawNode }[];
  const [plan] = plans;
  if (plan === undefined) throw new Error('EXPLAIN returned no plan');
  return plan.Plan;
}

type RawNode = Readonly<Record<string, unknown>> & { readonly Plans?: readonly RawNode[] };

function nodesOf(node: RawNode): RawNode[] {
  return [node, ...(node.Plans ?? []).flatMap(nodesOf)];
}

/** Nodes of the plan without per-row subplans. */
function ownNodesOf(node: RawNode): RawNode[] {
  const plans = (node.Plans ?? []).filter((plan) => plan['Parent Relationship'] !== 'SubPlan');
  return [node, ...plans.flatMap(ownNodesOf)];
}

function planNode(node: RawNode): PlanNode {
  const loops = Number(node['Actual Loops']);
  return {
    type: String(node['Node Type']),
    indexes: ownNodesOf(node).flatMap((part) =>
      part['Index Name'] === undefined ? [] : [String(part['Index Name'])],
    ),
    rows: Number(node['Actual Rows']) * loops,
    rowsRemoved: Number(node['Rows Removed by Filter'] ?? 0) * loops,
  };
}

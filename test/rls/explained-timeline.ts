import { type CompiledQuery, Kysely, PostgresDialect } from 'kysely';
import type { Pool, PoolClient } from 'pg';
import type { DB } from '../../runtime/db/database.generated';
import type { Database } from '../../runtime/db/pool';
import { withPg } from '../../runtime/db/with-pg';
import { readTimeline, type TimelinePage, type TimelineRequest } from '../../runtime/ledger/timeline';

/** What EXPLAIN (ANALYZE) says of one node of a plan, without the members nobody asks for here. */
export interface PlanNode {
  readonly type: string;
  /** Those it reads, more than one when bitmaps are combined. */
  readonly indexes: readonly string[];
  readonly rows: number;
  readonly rowsRemoved: number;
}

/** A page and the plan it was read by. */
export interface ExplainedPage {
  readonly page: TimelinePage;
  /** Nodes that touch `ledger.universal_registry`. */
  readonly scans: readonly PlanNode[];
  readonly buffers: number;
}

/** Reads a page of the timeline, then explains the very statement that read it, under the same identity. */
export function explainTimeline(database: Database, request: TimelineRequest): Promise<ExplainedPage> {
  return withPg(
    database,
    request.identity,
    async (transaction) => {
      const sent: CompiledQuery[] = [];
      const db = new Kysely<DB>({
        dialect: new PostgresDialect({ pool: poolOf(transaction.client) }),
        log: ({ query }) => {
          sent.push(query);
        },
      });
      const page = await readTimeline({ ...transaction, db }, request);
      const [query] = sent;
      if (query === undefined) throw new Error('no query was sent');
      const { rows } = await transaction.client.query(
        `EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) ${query.sql}`,
        [...query.parameters],
      );
      const plan = rows[0]['QUERY PLAN'][0].Plan;
      return {
        page,
        scans: nodesOf(plan)
          .filter((node) => node['Relation Name'] === 'universal_registry')
          .map(planNode),
        buffers: Number(plan['Shared Hit Blocks']) + Number(plan['Shared Read Blocks']),
      };
    },
    { readOnly: true, snapshot: true },
  );
}

function poolOf(client: PoolClient): Pool {
  const borrowed = { query: client.query.bind(client), release: () => undefined };
  return { connect: async () => borrowed, end: async () => undefined } as unknown as Pool;
}

type RawNode = Readonly<Record<string, unknown>> & { readonly Plans?: readonly RawNode[] };

function nodesOf(node: RawNode): RawNode[] {
  return [node, ...(node.Plans ?? []).flatMap(nodesOf)];
}

function planNode(node: RawNode): PlanNode {
  const loops = Number(node['Actual Loops']);
  return {
    type: String(node['Node Type']),
    indexes: nodesOf(node).flatMap((part) =>
      part['Index Name'] === undefined ? [] : [String(part['Index Name'])],
    ),
    rows: Number(node['Actual Rows']) * loops,
    rowsRemoved: Number(node['Rows Removed by Filter'] ?? 0) * loops,
  };
}

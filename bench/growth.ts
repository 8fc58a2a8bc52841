import { withClient } from '../test/support/sql-session';
import type { Bench, BenchContext, BenchResult, Goal } from './bench';
import { addSizeVisitor, type RunningLedger, SMALL_ROWS, type Station, visitSizes } from './harness/by-size';
import { HelperProcess } from './harness/helper-process';
import type { LoadSummary, PostLoad } from './harness/load-process';
import { BIG_TENANT, USER } from './harness/sized-ledger';
import { median, percent, ratioOf, rounded, type Spread, shown } from './harness/statistics';

/** Cost of appending at one size. */
interface Cost {
  readonly spansPerSecond: number;
  readonly nodeCpuUs: number;
  readonly postgresCpuUs: number;
  readonly walBytes: number;
}

interface Grown {
  readonly rows: number;
  /** Rows in the ledger, including those appended at smaller sizes. */
  readonly rowCount: number;
  readonly heapBytes: number;
  readonly indexBytes: Readonly<Record<string, number>>;
  /** Rounds, alternating between the small and the large ledger. */
  readonly batches: { readonly small: readonly Cost[]; readonly large: readonly Cost[] };
  readonly singles: { readonly small: readonly Cost[]; readonly large: readonly Cost[] };
}

const grown: Grown[] = [];

export const bench: Bench = {
  name: 'growth',
  title: 'What the ledger costs as it grows: rates, bytes and processor time of a span',
  run: (context) => visitSizes(context, 'growth'),
};

addSizeVisitor({ name: 'growth', sizes, visit, result });

function sizes({ quick, full }: BenchContext): readonly number[] {
  if (quick) return [20_000];
  return [100_000, 1_000_000, 5_000_000, ...(full ? [10_000_000] : [])];
}

async function visit({ context, rows, small, large }: Station): Promise<void> {
  const { rowCount, heapBytes, indexBytes } = await large.ledger.sizes();
  const load = new HelperProcess('load-process.ts');
  const batches: { small: Cost[]; large: Cost[] } = { small: [], large: [] };
  const singles: { small: Cost[]; large: Cost[] } = { small: [], large: [] };
  try {
    for (let round = -1; round < (context.quick ? 1 : 3); round += 1) {
      for (const side of ['small', 'large'] as const) {
        const ledger = side === 'small' ? small : large;
        const many = await cost(context, ledger, load, { callers: 8, kind: 'array', spansPerRequest: 100 });
        const one = await cost(context, ledger, load, { callers: 32, kind: 'single', spansPerRequest: 1 });
        if (round < 0) continue; // warm-up
        batches[side].push(many);
        singles[side].push(one);
      }
    }
  } finally {
    await load.stop();
  }
  grown.push({ rows, rowCount, heapBytes, indexBytes, batches, singles });
}

async function cost(
  context: BenchContext,
  { ledger, product }: RunningLedger,
  load: HelperProcess,
  shape: Pick<PostLoad, 'callers' | 'kind' | 'spansPerRequest'>,
): Promise<Cost> {
  const cluster = await context.cluster();
  const url = ledger.database.superuserUrl;
  const node = await product.use();
  const postgres = cluster.cpuSeconds();
  const wal = await walPosition(url);
  const summary = await load.call<LoadSummary>('post', {
    port: product.port,
    tokens: [await product.token(USER, BIG_TENANT)],
    warmUpMs: 200,
    measureMs: context.quick ? 500 : 2_000,
    ...shape,
  } satisfies PostLoad);
  const spans =
    Object.values(summary.statuses).reduce((sum, count) => sum + count, 0) * shape.spansPerRequest;
  const after = await product.use();
  return {
    spansPerSecond: summary.perSecond * shape.spansPerRequest,
    nodeCpuUs: ((after.cpuSeconds - node.cpuSeconds) / spans) * 1e6,
    postgresCpuUs: (((cluster.cpuSeconds() ?? Number.NaN) - (postgres ?? Number.NaN)) / spans) * 1e6,
    walBytes: ((await walPosition(url)) - wal) / spans,
  };
}

function walPosition(url: string): Promise<number> {
  return withClient(url, async (client) => {
    const { rows } = await client.query<{ bytes: string }>(
      `SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0') AS bytes`,
    );
    return Number(rows[0]?.bytes);
  });
}

const middle = (costs: readonly Cost[], figure: keyof Cost): number =>
  median(costs.map((cost) => cost[figure]));
const rates = (costs: readonly Cost[]): number[] => costs.map(({ spansPerSecond }) => spansPerSecond);
const sum = (values: Iterable<number>): number => [...values].reduce((total, value) => total + value, 0);

function result(context: BenchContext): BenchResult {
  const last = grown.at(-1);
  if (last === undefined) throw new Error('growth visited no size');
  const kept = ratioOf(rates(last.batches.large), rates(last.batches.small));
  return {
    goals: [keptGoal(last.rows, kept)],
    tables: [
      {
        caption: `Appending at each size, against ${rounded(SMALL_ROWS)} rows in alternation; cost of a span in batches of 100 and as singles`,
        columns: [
          'rows',
          'batches spans/s',
          'ratio',
          'singles spans/s',
          'ratio',
          'WAL bytes/span',
          'singles',
          'PostgreSQL µs/span',
          'singles',
          'Node µs/span',
          'singles',
        ],
        rows: grown.map(({ rows, batches, singles }) => [
          rows,
          middle(batches.large, 'spansPerSecond'),
          shown(ratioOf(rates(batches.large), rates(batches.small))),
          middle(singles.large, 'spansPerSecond'),
          shown(ratioOf(rates(singles.large), rates(singles.small))),
          middle(batches.large, 'walBytes'),
          middle(singles.large, 'walBytes'),
          middle(batches.large, 'postgresCpuUs'),
          middle(singles.large, 'postgresCpuUs'),
          middle(batches.large, 'nodeCpuUs'),
          middle(singles.large, 'nodeCpuUs'),
        ]),
      },
      {
        caption: 'Megabytes (10^6) per million spans',
        columns: ['', ...grown.map(({ rows }) => `${rounded(rows)} rows`)],
        rows: [
          ['table', ...grown.map(({ heapBytes, rowCount }) => heapBytes / rowCount)],
          ...Object.keys(last.indexBytes).map((name) => [
            name.replace(/^.*universal_registry_/, ''),
            ...grown.map(({ indexBytes, rowCount }) => (indexBytes[name] ?? 0) / rowCount),
          ]),
          [
            'all indexes',
            ...grown.map(({ indexBytes, rowCount }) => sum(Object.values(indexBytes)) / rowCount),
          ],
        ],
      },
    ],
    plots: context.quick
      ? []
      : [
          {
            file: 'rate',
            title: 'Spans appended a second by rows of the ledger',
            xLabel: 'rows',
            yLabel: 'spans/s',
            xScale: 'log',
            series: [
              {
                name: 'batches of 100',
                points: grown.map(({ rows, batches }) => [rows, middle(batches.large, 'spansPerSecond')]),
              },
              {
                name: 'singles',
                points: grown.map(({ rows, singles }) => [rows, middle(singles.large, 'spansPerSecond')]),
              },
            ],
          },
        ],
    figures: { grown },
  };
}

/** Bound: least share of the initial append rate at the largest size. */
const KEPT_SHARE = 0.7;

function keptGoal(rows: number, { median: share }: Spread): Goal {
  return {
    what: `batches at ${rounded(rows)} rows, of the rate at ${rounded(SMALL_ROWS)}`,
    goal: `≥ ${percent(KEPT_SHARE)}`,
    measured: percent(share),
    met: share >= KEPT_SHARE,
  };
}

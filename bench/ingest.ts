import type { Bench, BenchContext, BenchResult, Cell, FigureTable, Goal, Plot } from './bench';
import type { BenchCluster, BenchDatabase } from './harness/cluster';
import { HelperProcess } from './harness/helper-process';
import { type InsertMeter, openInsertMeter } from './harness/insert-limit';
import type { LoadSummary, PostLoad } from './harness/load-process';
import { type Product, startProduct } from './harness/product';
import type { BodyKind } from './harness/sample-spans';
import { median, percent, ratioOf, rounded, type Spread, shown, spreadOf } from './harness/statistics';

const IDENTITY = { user: 'bench', tenant: 'bench' };
const CALLERS = [1, 8, 32, 128];
const NAIVE_CALLERS = [8, 32];
const BATCH_CALLERS = 8;
const BATCHES: readonly { readonly kind: BodyKind; readonly spans: number }[] = [
  { kind: 'array', spans: 10 },
  { kind: 'array', spans: 100 },
  { kind: 'ndjson', spans: 100 },
  { kind: 'array', spans: 1000 },
];
const MEMORY_SPANS = 1_000_000;

/** Processor time and memory of one measurement. */
interface Sample extends LoadSummary {
  readonly spansPerSecond: number;
  /** Microseconds of processor for each span, of the Node process and of PostgreSQL. */
  readonly nodeCpuUs: number;
  readonly postgresCpuUs: number;
  readonly rssMiB: number;
}

interface Setting {
  readonly context: BenchContext;
  readonly cluster: BenchCluster;
  readonly database: BenchDatabase;
  /** A second database for writers without LogLine, since the auditor would stop a log over their unsigned spans. */
  readonly bare: BenchDatabase;
  readonly product: Product;
  readonly naivePort: number;
  readonly load: HelperProcess;
  readonly meter: InsertMeter;
  readonly token: string;
  readonly seconds: number;
}

export const bench: Bench = {
  name: 'ingest',
  title: 'Appending spans over HTTP, against what PostgreSQL takes and against a naive loader',
  async run(context) {
    const cluster = await context.cluster();
    const database = await cluster.createDatabase();
    const bare = await cluster.createDatabase();
    const product = await startProduct(database);
    const naive = new HelperProcess('naive-loader-process.ts', {
      env: { NAIVE_DATABASE_URL: bare.appUrl },
    });
    const load = new HelperProcess('load-process.ts');
    const meter = await openInsertMeter();
    try {
      const setting: Setting = {
        context,
        cluster,
        database,
        bare,
        product,
        load,
        meter,
        naivePort: await naive.call<number>('port'),
        token: await product.token(IDENTITY.user, IDENTITY.tenant),
        seconds: context.quick ? 0.4 : 2.5,
      };
      return await measure(setting);
    } finally {
      await meter.close();
      await load.stop();
      await naive.stop();
      await product.stop();
      await database.drop();
      await bare.drop();
    }
  },
};

async function measure(setting: Setting): Promise<BenchResult> {
  const { context } = setting;
  const rounds = context.quick ? 1 : 5;
  const limits = new Map<string, number[]>();
  const samples = new Map<string, Sample[]>();
  // Warms up compiled code, connections and the first pages of every index.
  await post(setting, { callers: 32, kind: 'single', spansPerRequest: 1 });
  for (let round = 1; round <= rounds; round += 1) {
    context.progress(`round ${round} of ${rounds}`);
    for (const callers of CALLERS) {
      add(limits, `limit 1×${callers}`, await limit(setting, 1, callers));
      add(samples, `single ${callers}`, await post(setting, { callers, kind: 'single', spansPerRequest: 1 }));
      if (!NAIVE_CALLERS.includes(callers)) continue;
      const naive = { port: setting.naivePort, callers, kind: 'single' as const, spansPerRequest: 1 };
      add(samples, `naive ${callers}`, await post(setting, naive));
    }
    for (const { kind, spans } of BATCHES) {
      if (kind === 'array')
        add(limits, `limit ${spans}×${BATCH_CALLERS}`, await limit(setting, spans, BATCH_CALLERS));
      add(
        samples,
        `${kind} ${spans}`,
        await post(setting, { callers: BATCH_CALLERS, kind, spansPerRequest: spans }),
      );
    }
  }
  const memory = await onFreshProduct(setting, measureMemory);
  return result(setting, new Figures(limits, samples), memory);
}

/** Runs `work` on a new process, so that memory of earlier measurements does not count. */
async function onFreshProduct<T>(setting: Setting, work: (setting: Setting) => Promise<T>): Promise<T> {
  const database = await setting.cluster.createDatabase();
  const product = await startProduct(database);
  try {
    const token = await product.token(IDENTITY.user, IDENTITY.tenant);
    return await work({ ...setting, database, product, token });
  } finally {
    await product.stop();
    await database.drop();
  }
}

function add<T>(into: Map<string, T[]>, name: string, value: T): void {
  const values = into.get(name);
  if (values === undefined) into.set(name, [value]);
  else values.push(value);
}

async function limit(setting: Setting, rowsPerInsert: number, clients: number): Promise<number> {
  const { bare, seconds } = setting;
  const rate = await setting.meter.measure({
    appUrl: bare.appUrl,
    clients,
    rowsPerInsert,
    seconds,
    identity: IDENTITY,
  });
  return rate.rowsPerSecond;
}

async function post(
  { cluster, product, load, token, seconds }: Setting,
  plan: Partial<PostLoad> & Pick<PostLoad, 'callers' | 'kind' | 'spansPerRequest'>,
): Promise<Sample> {
  const node = await product.use();
  const postgres = cluster.cpuSeconds();
  const summary = await load.call<LoadSummary>('post', {
    port: product.port,
    tokens: [token],
    warmUpMs: 200,
    measureMs: seconds * 1000,
    ...plan,
  } satisfies PostLoad);
  const answers = Object.values(summary.statuses).reduce((sum, count) => sum + count, 0);
  const refused = answers - (summary.statuses['201'] ?? 0);
  if (refused > 0) throw new Error(`${refused} requests were refused: ${JSON.stringify(summary.statuses)}`);
  const after = await product.use();
  const spans = answers * plan.spansPerRequest;
  return {
    ...summary,
    spansPerSecond: summary.perSecond * plan.spansPerRequest,
    nodeCpuUs: ((after.cpuSeconds - node.cpuSeconds) / spans) * 1e6,
    postgresCpuUs: (((cluster.cpuSeconds() ?? Number.NaN) - (postgres ?? Number.NaN)) / spans) * 1e6,
    rssMiB: after.rssBytes / 2 ** 20,
  };
}

interface Memory {
  readonly spans: number;
  readonly rssMiB: readonly number[];
}

/** Appends a million spans, alternating singles and batches, and samples the memory of the process. */
async function measureMemory(setting: Setting): Promise<Memory> {
  const goal = setting.context.quick ? 20_000 : MEMORY_SPANS;
  const rssMiB: number[] = [];
  let spans = 0;
  for (let turn = 0; spans < goal; turn += 1) {
    setting.context.progress(`memory: ${spans} of ${goal} spans`);
    const plan: Pick<PostLoad, 'callers' | 'kind' | 'spansPerRequest'> =
      turn % 4 === 3
        ? { callers: 64, kind: 'single', spansPerRequest: 1 }
        : { callers: 8, kind: 'array', spansPerRequest: 100 };
    const maxRequests = plan.kind === 'single' ? goal / 100 : goal / 2_000;
    const sample = await post(setting, { ...plan, maxRequests, measureMs: 600_000, warmUpMs: 0 });
    spans += sample.requests * plan.spansPerRequest;
    rssMiB.push(sample.rssMiB);
  }
  return { spans, rssMiB };
}

/** What was measured, by name of the load. */
class Figures {
  readonly limits: ReadonlyMap<string, readonly number[]>;
  readonly samples: ReadonlyMap<string, readonly Sample[]>;

  constructor(limits: Figures['limits'], samples: Figures['samples']) {
    this.limits = limits;
    this.samples = samples;
  }

  /** Rows a second of each round. */
  limit(name: string): readonly number[] {
    return this.limits.get(name) ?? [];
  }

  /** Spans a second of each round. */
  rates(name: string): number[] {
    return (this.samples.get(name) ?? []).map((sample) => sample.spansPerSecond);
  }

  /** Median of a figure over the rounds. */
  middle(name: string, figure: keyof Sample): number {
    return median((this.samples.get(name) ?? []).map((sample) => Number(sample[figure])));
  }
}

function result(setting: Setting, figures: Figures, memory: Memory): BenchResult {
  const { limits, samples } = figures;
  return {
    goals: goalsOf(figures, memory),
    tables: [rateTable(figures, setting.meter.tool)],
    plots: plotsOf(figures, memory),
    figures: { limits: Object.fromEntries(limits), samples: Object.fromEntries(samples), memory },
  };
}

function goalsOf(figures: Figures, memory: Memory): Goal[] {
  const rates = (name: string): number[] => figures.rates(name);
  const single32 = ratioOf(rates('single 32'), figures.limit('limit 1×32'));
  const batch100 = ratioOf(rates('array 100'), figures.limit(`limit 100×${BATCH_CALLERS}`));
  const naive32 = ratioOf(rates('single 32'), rates('naive 32'));
  const naive8 = ratioOf(rates('single 8'), rates('naive 8'));
  const tails = CALLERS.map(
    (callers) => figures.middle(`single ${callers}`, 'p99Ms') / figures.middle(`single ${callers}`, 'p50Ms'),
  );
  const rssMiB = Math.max(...memory.rssMiB);
  return [
    goal('singles, 32 callers, of the single-row limit', single32, 0.45, percent),
    goal('batches of 100, of the multi-row limit', batch100, 0.45, percent),
    goal('singles, 32 callers, against the naive loader', naive32, 25, times),
    goal('singles, 8 callers, against the naive loader', naive8, 15, times),
    {
      what: 'p99 of singles, every number of callers',
      goal: '≤ 5 × p50',
      measured: `${rounded(Math.max(...tails))} ×`,
      met: Math.max(...tails) <= 5,
    },
    {
      what: `memory over ${rounded(memory.spans)} spans`,
      goal: '≤ 250 MiB RSS',
      measured: `${rounded(rssMiB)} MiB`,
      met: rssMiB <= 250,
    },
  ];
}

function rateTable(figures: Figures, tool: string): FigureTable {
  const row = (label: string, name: string, limitName: string): Cell[] => {
    const found = figures.limits.get(limitName);
    return [
      label,
      shown(spreadOf(figures.rates(name))),
      found === undefined ? null : shown(spreadOf(found)),
      found === undefined ? null : shown(ratioOf(figures.rates(name), found)),
      rounded(figures.middle(name, 'p50Ms')),
      rounded(figures.middle(name, 'p99Ms')),
      rounded(figures.middle(name, 'p99Ms') / figures.middle(name, 'p50Ms')),
      rounded(figures.middle(name, 'nodeCpuUs')),
      rounded(figures.middle(name, 'postgresCpuUs')),
    ];
  };
  return {
    caption: `Spans a second, signed, durable, under row-level security; limit by ${tool} on the same table`,
    columns: [
      '',
      'spans/s',
      'limit rows/s',
      'ratio',
      'p50 ms',
      'p99 ms',
      'p99/p50',
      'Node µs/span',
      'PostgreSQL µs/span',
    ],
    rows: [
      ...CALLERS.map((callers) =>
        row(`singles, ${callers} callers`, `single ${callers}`, `limit 1×${callers}`),
      ),
      ...BATCHES.map(({ kind, spans }) =>
        row(
          `${kind} of ${spans}, ${BATCH_CALLERS} callers`,
          `${kind} ${spans}`,
          `limit ${spans}×${BATCH_CALLERS}`,
        ),
      ),
      ...NAIVE_CALLERS.map((callers) => row(`naive loader, ${callers} callers`, `naive ${callers}`, '')),
    ],
  };
}

function plotsOf(figures: Figures, memory: Memory): Plot[] {
  const byCallers = (callers: readonly number[], name: string): [number, number][] =>
    callers.map((n) => [n, median(figures.rates(`${name} ${n}`))]);
  return [
    {
      file: 'callers',
      title: 'Singles: spans a second by callers',
      xLabel: 'callers',
      yLabel: 'spans/s',
      xScale: 'log',
      series: [
        {
          name: 'limit (INSERT by pgbench)',
          points: CALLERS.map((n) => [n, median(figures.limit(`limit 1×${n}`))]),
        },
        { name: 'LogLine', points: byCallers(CALLERS, 'single') },
        { name: 'naive loader', points: byCallers(NAIVE_CALLERS, 'naive') },
      ],
    },
    {
      file: 'memory',
      title: 'Resident memory while a million spans are appended',
      xLabel: 'turn',
      yLabel: 'MiB',
      series: [{ name: 'RSS', points: memory.rssMiB.map((mebibytes, turn) => [turn + 1, mebibytes]) }],
    },
  ];
}

function times(ratio: number): string {
  return `${rounded(ratio)} ×`;
}

function goal(what: string, ratio: Spread, bound: number, show: (ratio: number) => string): Goal {
  return {
    what,
    goal: `≥ ${show(bound)}`,
    measured: `${show(ratio.median)} (${show(ratio.min)}–${show(ratio.max)})`,
    met: ratio.median >= bound,
  };
}

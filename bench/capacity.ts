import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { costOf } from '../cli/cost/cost-report';
import prices from '../cli/cost/prices.json';
import { DEFAULT_USAGE } from '../cli/cost/usage';
import { cpuShare, vcpus } from '../infra/aws-facts';
import { dryRun, type RegisteredResource, readStackFile } from '../infra/dry-run';
import type { Bench, BenchResult, FigureTable } from './bench';
import { median, percent, rounded } from './harness/statistics';

// Nothing is measured here: it computes from the kept figures of growth, proofs and timeline, and from the price file.

/** Share of a writer's processor that counts as full; the rest is for vacuum, sealing and peaks. */
const FULL = 0.6;
/** Bytes written to disk for each byte of WAL: the WAL and the pages that checkpoints write. */
const WRITTEN_PER_WAL_BYTE = 2;
/** RDS, gp3 below 400 GB, in bytes a second (https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Storage.html). */
const GP3_BYTES = 125 * 1024 ** 2;
/** Bytes of a WAL record in one request to Aurora's storage (https://aws.amazon.com/rds/aurora/faqs/). */
const AURORA_IO_BYTES = 4096;
/** Memory that gives a function one vCPU (https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html). */
const GB_PER_VCPU = 1.769;
const MONTH_SECONDS = 730 * 3600;
const RATES = [10, 1_000, 100_000] as const;

/** Cost of a span, from the results of `growth` at its largest ledger. */
interface SpanCost {
  readonly rows: number;
  readonly postgresCpuUs: number;
  readonly nodeCpuUs: number;
  readonly walBytes: number;
}

interface Measured {
  readonly shapes: Readonly<Record<Shape, SpanCost>>;
  /** Bytes of table, indexes and log for a span. */
  readonly storedBytes: number;
  /** PostgreSQL's milliseconds for a page of 50. */
  readonly pageMs: number;
}

const SHAPES = { 'batches of 100': 100, singles: 1 } as const;
type Shape = keyof typeof SHAPES;
const SHAPE_NAMES = Object.keys(SHAPES) as Shape[];
type Engine = 'rds' | 'aurora' | 'aurora, optimised I/O';

/** A class of a writer on one engine, and the resources of a stack with it. */
interface Offer {
  readonly engine: Engine;
  readonly instanceClass: string;
  readonly resources: readonly RegisteredResource[];
}

export const bench: Bench = {
  name: 'capacity',
  title: 'What one cell carries, and what a rate costs a month',
  async run({ quick, progress }) {
    const measured = await readMeasured();
    progress('reckoning the stacks');
    const offers = await allOffers(quick);
    const best = RATES.flatMap((rate) => SHAPE_NAMES.map((shape) => cheapest(offers, measured, rate, shape)));
    return result(measured, offers, best);
  },
};

interface GrowthFigures {
  readonly figures: {
    readonly grown: readonly {
      readonly rows: number;
      readonly rowCount: number;
      readonly heapBytes: number;
      readonly indexBytes: Readonly<Record<string, number>>;
      readonly batches: { readonly large: readonly SpanCost[] };
      readonly singles: { readonly large: readonly SpanCost[] };
    }[];
  };
}

async function readMeasured(): Promise<Measured> {
  const stored = async <T>(name: string): Promise<T> =>
    JSON.parse(await readFile(path.join(__dirname, 'results', `${name}.json`), 'utf8')) as T;
  const { figures } = await stored<GrowthFigures>('growth');
  const last = figures.grown.at(-1);
  if (last === undefined) throw new Error('growth was not measured; run npm run bench -- growth');
  const middle = (costs: readonly SpanCost[]): SpanCost => ({
    rows: last.rows,
    postgresCpuUs: median(costs.map(({ postgresCpuUs }) => postgresCpuUs)),
    nodeCpuUs: median(costs.map(({ nodeCpuUs }) => nodeCpuUs)),
    walBytes: median(costs.map(({ walBytes }) => walBytes)),
  });
  const proofs = await stored<{ readonly figures: { readonly bytesPerLeaf: number } }>('proofs');
  const indexBytes = Object.values(last.indexBytes).reduce((sum, bytes) => sum + bytes, 0);
  return {
    shapes: { 'batches of 100': middle(last.batches.large), singles: middle(last.singles.large) },
    storedBytes: (last.heapBytes + indexBytes) / last.rowCount + proofs.figures.bytesPerLeaf,
    pageMs: pageMsOf(await stored<{ readonly tables: readonly FigureTable[] }>('timeline')),
  };
}

/** Reads the call time of the row `all` in the first table. */
function pageMsOf({ tables: [table] }: { readonly tables: readonly FigureTable[] }): number {
  const column = table?.columns.indexOf('call') ?? -1;
  const value = table?.rows.find(([page]) => page === 'all')?.[column];
  if (typeof value !== 'number') throw new Error('timeline was not measured; run npm run bench -- timeline');
  return value;
}

/** The prod stack with every priced instance class. */
async function allOffers(quick: boolean): Promise<readonly Offer[]> {
  const offers: Offer[] = [];
  for (const engine of ['rds', 'aurora', 'aurora, optimised I/O'] as const) {
    const hourly: Readonly<Record<string, number>> =
      engine === 'rds' ? prices.database_hour : prices.aurora_hour;
    const names = Object.keys(hourly).slice(0, quick ? 1 : undefined);
    const [first = ''] = names;
    const { resources } = await dryRun({ stack: 'prod', config: configOf(engine, first) });
    for (const instanceClass of names)
      offers.push({ engine, instanceClass, resources: withInputs(resources, { instanceClass }) });
  }
  return offers;
}

function configOf(engine: Engine, instanceClass: string): Readonly<Record<string, unknown>> {
  const database =
    engine === 'rds'
      ? { engine, instanceClass, storageGb: 100, multiAz: true, backupDays: 14 }
      : { engine: 'aurora', instanceClass, ioOptimized: engine !== 'aurora', readers: 1, backupDays: 14 };
  return { ...readStackFile('prod'), 'logline:database': database };
}

/** The databases among the resources, with other inputs. */
function withInputs(
  resources: readonly RegisteredResource[],
  inputs: Readonly<Record<string, unknown>>,
): readonly RegisteredResource[] {
  return resources.map((resource) =>
    /^aws:rds\/(?:instance:Instance|clusterInstance:ClusterInstance)$/.test(resource.type)
      ? { ...resource, inputs: { ...resource.inputs, ...inputs } }
      : resource,
  );
}

/** Spans a second that a writer carries, and which resource limits it. */
function carries(
  { engine, instanceClass }: Pick<Offer, 'engine' | 'instanceClass'>,
  { postgresCpuUs, walBytes }: SpanCost,
): { readonly rate: number; readonly limit: string } {
  const cpu = (vcpus(instanceClass) * cpuShare(instanceClass) * FULL * 1e6) / postgresCpuUs;
  const disk = engine === 'rds' ? (GP3_BYTES * FULL) / (walBytes * WRITTEN_PER_WAL_BYTE) : Infinity;
  return cpu <= disk ? { rate: cpu, limit: 'processor' } : { rate: disk, limit: 'disk' };
}

/** A stack that carries a rate. */
interface Choice {
  readonly rate: number;
  readonly shape: Shape;
  readonly offer: Offer;
  readonly cells: number;
  readonly databaseUsd: number;
  readonly totalUsd: number;
  /** GB stored in a month, over all cells. */
  readonly monthGb: number;
}

function cheapest(offers: readonly Offer[], measured: Measured, rate: number, shape: Shape): Choice {
  const choices = offers.map((offer) => choose(offer, measured, rate, shape));
  const [best] = choices.sort((one, other) => one.totalUsd - other.totalUsd);
  if (best === undefined) throw new Error('the price file knows no class');
  return best;
}

function choose(offer: Offer, { shapes, storedBytes }: Measured, rate: number, shape: Shape): Choice {
  const cost = shapes[shape];
  const cells = Math.ceil(rate / carries(offer, cost).rate);
  const spans = (rate * MONTH_SECONDS) / cells;
  const monthGb = (spans * storedBytes) / 1e9;
  const requests = spans / SHAPES[shape];
  // Storage at the end of a month that began empty.
  const resources = withInputs(offer.resources, { allocatedStorage: Math.ceil(Math.max(100, monthGb)) });
  const report = costOf('prod', resources, {
    ...DEFAULT_USAGE,
    requests,
    secondsPerCall: secondsOf(cost, SHAPES[shape]),
    auroraGb: monthGb / 2,
    auroraIoMillions: (spans * Math.max(1, cost.walBytes / AURORA_IO_BYTES)) / 1e6,
  });
  const databaseUsd = report.lines
    .filter(({ item }) => item.startsWith('database'))
    .reduce((sum, { monthlyUsd }) => sum + monthlyUsd, 0);
  return {
    rate,
    shape,
    offer,
    cells,
    databaseUsd: cells * databaseUsd,
    totalUsd: cells * report.totalUsd,
    monthGb: cells * monthGb,
  };
}

/** Seconds that a request occupies a function of 1 GB: its processor time on less than one vCPU, and PostgreSQL's. */
function secondsOf({ nodeCpuUs, postgresCpuUs }: SpanCost, spans: number): number {
  return (spans * (nodeCpuUs * GB_PER_VCPU + postgresCpuUs)) / 1e6;
}

function result(measured: Measured, offers: readonly Offer[], best: readonly Choice[]): BenchResult {
  return {
    goals: [],
    tables: [costTable(measured), writerTable(measured, offers), cheapestTable(best)],
    figures: {
      measured,
      best: best.map(({ offer, ...choice }) => ({
        ...choice,
        engine: offer.engine,
        instanceClass: offer.instanceClass,
      })),
    },
  };
}

function costTable({ shapes, storedBytes, pageMs }: Measured): FigureTable {
  return {
    caption: `What a span takes at ${rounded(shapes.singles.rows)} rows, measured; ${rounded(storedBytes)} bytes of table, indexes and log stay, and a page of 50 takes PostgreSQL ${pageMs.toFixed(1)} ms`,
    columns: ['', 'PostgreSQL µs', 'Node µs', 'WAL bytes'],
    rows: SHAPE_NAMES.map((shape) => {
      const { postgresCpuUs, nodeCpuUs, walBytes } = shapes[shape];
      return [shape, postgresCpuUs, nodeCpuUs, walBytes];
    }),
  };
}

function writerTable({ shapes, pageMs }: Measured, offers: readonly Offer[]): FigureTable {
  const pageUs = pageMs * 1000;
  return {
    caption: `Spans a second that one writer carries at ${percent(FULL)} of its processor, or of its disk; pages of 50 a second in place of spans, and for each reader more`,
    columns: ['class', 'engine', 'in batches of 100', 'limit', 'singles', 'pages', 'database USD a month'],
    rows: offers
      .filter(({ engine }) => engine !== 'aurora, optimised I/O')
      .map(({ engine, instanceClass, resources }) => {
        const [many, one] = SHAPE_NAMES.map((shape) => carries({ engine, instanceClass }, shapes[shape]));
        return [
          instanceClass,
          engine,
          many?.rate ?? null,
          many?.limit ?? null,
          one?.rate ?? null,
          (vcpus(instanceClass) * cpuShare(instanceClass) * FULL * 1e6) / pageUs,
          costOf('prod', resources).lines.find(({ item }) => item === 'database')?.monthlyUsd ?? null,
        ];
      }),
  };
}

function cheapestTable(best: readonly Choice[]): FigureTable {
  return {
    caption: `The cheapest way to carry a rate all day: a prod stack for each cell, in USD a month, the first month of spans stored (list prices of ${prices.as_of}, ${prices.verified ? '' : 'not '}verified)`,
    columns: [
      'spans/s',
      'as',
      'cells',
      'class',
      'engine',
      'GB a month',
      'database',
      'all',
      'a million spans',
    ],
    rows: best.map(({ rate, shape, cells, offer, monthGb, databaseUsd, totalUsd }) => [
      rate,
      shape,
      cells,
      offer.instanceClass,
      offer.engine,
      monthGb,
      databaseUsd,
      totalUsd,
      `$${(totalUsd / ((rate * MONTH_SECONDS) / 1e6)).toFixed(2)}`,
    ]),
  };
}

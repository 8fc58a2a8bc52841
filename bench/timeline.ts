import type { Bench, BenchContext, BenchResult, Goal } from './bench';
import { addSizeVisitor, type RunningLedger, SMALL_ROWS, type Station, visitSizes } from './harness/by-size';
import { HelperProcess } from './harness/helper-process';
import type { LoadSummary, PostLoad } from './harness/load-process';
import { type PageCase, pageCases } from './harness/page-cases';
import { PAGE, PageReader, type PageTimes, type ReadyPage } from './harness/page-reader';
import { median, quantile, rounded } from './harness/statistics';

/** One page, read alternately on the small and the large ledger. */
interface Measured {
  readonly rows: number;
  readonly label: string;
  readonly deep: boolean;
  readonly spans: number;
  readonly small: readonly PageTimes[];
  readonly large: readonly PageTimes[];
  /** Whether the page is full on both ledgers, so that the times can be compared. */
  readonly comparable: boolean;
}

interface Extreme {
  readonly rows: number;
  readonly label: string;
  /** First read after PostgreSQL's cache was emptied. */
  readonly coldMs: readonly number[];
  /** Reads while four callers append as fast as they can. */
  readonly busyMs: readonly number[];
  readonly busySmallMs: readonly number[];
}

const measured: Measured[] = [];
const extremes: Extreme[] = [];

export const bench: Bench = {
  name: 'timeline',
  title: 'Pages of 50 by every filter under row-level security, over 50 tenants of unequal size',
  run: (context) => visitSizes(context, 'timeline'),
};

addSizeVisitor({ name: 'timeline', sizes, visit, result });

function sizes({ quick }: BenchContext): readonly number[] {
  return quick ? [2_000] : [10_000, 100_000, 1_000_000, 5_000_000];
}

async function visit(station: Station): Promise<void> {
  const small = await PageReader.open(station.small);
  const large = await PageReader.open(station.large);
  try {
    const smallCases = await pageCases(station.small.ledger);
    const largeCases = await pageCases(station.large.ledger);
    for (const [index, page] of largeCases.entries()) {
      const smallPage = smallCases[index];
      if (smallPage === undefined) continue;
      for (const deep of [false, true]) {
        const onSmall = await small.prepare(smallPage, deep);
        const onLarge = await large.prepare(page, deep);
        measured.push(await byTurns(station, page, deep, onSmall, onLarge));
      }
    }
    for (const page of largeCases.slice(0, 4)) extremes.push(await extreme(station, page, small, large));
  } finally {
    await small.close();
    await large.close();
  }
}

async function byTurns(
  { context, rows }: Station,
  { label }: PageCase,
  deep: boolean,
  small: ReadyPage,
  large: ReadyPage,
): Promise<Measured> {
  const reads = context.quick ? 3 : 40;
  const times: { small: PageTimes[]; large: PageTimes[] } = { small: [], large: [] };
  for (let read = -3; read < reads; read += 1) {
    const pair = { small: await small.read(), large: await large.read() };
    if (read < 0) continue; // warm-up
    times.small.push(pair.small);
    times.large.push(pair.large);
  }
  return {
    rows,
    label,
    deep,
    spans: large.spans,
    ...times,
    comparable: small.spans === large.spans,
  };
}

async function extreme(
  station: Station,
  page: PageCase,
  small: PageReader,
  large: PageReader,
): Promise<Extreme> {
  const { context, rows } = station;
  const smallPage = await small.prepare(page, false);
  const largePage = await large.prepare(page, false);
  const coldMs: number[] = [];
  for (let read = 0; read < (context.quick ? 1 : 5); read += 1) {
    await station.large.ledger.coolDown();
    coldMs.push((await largePage.read()).httpMs);
  }
  const stop = await startWriters(station.large, context.quick ? 1_000 : 6_000);
  const busyMs: number[] = [];
  const busySmallMs: number[] = [];
  for (let read = 0; read < (context.quick ? 5 : 60); read += 1) {
    busySmallMs.push((await smallPage.read()).httpMs);
    busyMs.push((await largePage.read()).httpMs);
  }
  await stop();
  return { rows, label: page.label, coldMs, busyMs, busySmallMs };
}

/** Starts callers that append to the large ledger while pages are read; resolves once they append. */
async function startWriters({ product }: RunningLedger, measureMs: number): Promise<() => Promise<void>> {
  const load = new HelperProcess('load-process.ts');
  const plan: PostLoad = {
    port: product.port,
    tokens: [await product.token('writer', 'tenant-1')],
    callers: 4,
    kind: 'single',
    spansPerRequest: 1,
    warmUpMs: 0,
    measureMs,
  };
  await load.call<LoadSummary>('post', { ...plan, measureMs: 200 });
  const writing = load.call<LoadSummary>('post', plan);
  return async () => {
    await writing;
    await load.stop();
  };
}

type Way = keyof PageTimes;

function middle(times: readonly PageTimes[], way: Way): number {
  return median(times.map((time) => time[way]));
}

/** Ratio of the page's time on the large ledger to that on the small one. */
function growth({ small, large }: Measured): number {
  return middle(large, 'httpMs') / middle(small, 'httpMs');
}

/** Ratio of the library's call to the hand-written range. */
function overHand({ large }: Measured): number {
  return middle(large, 'callMs') / middle(large, 'handMs');
}

function result(context: BenchContext): BenchResult {
  const largest = Math.max(...measured.map(({ rows }) => rows));
  const atLargest = measured.filter(({ rows }) => rows === largest);
  const comparable = atLargest.filter((page) => page.comparable);
  const full = atLargest.filter(({ spans, label }) => spans === PAGE && label.startsWith('all'));
  const worst = worstOf(comparable, growth);
  const smallTenant = atLargest.filter(({ label }) => label === 'all, small tenant');
  const smallWorst = worstOf(smallTenant, growth);
  const handWorst = worstOf(full, overHand);
  const goals: Goal[] = [
    goal(`p50 of any page at ${rounded(largest)} rows, against ${rounded(SMALL_ROWS)} rows`, 1.5, worst),
    goal(
      `a small tenant's page at ${rounded(largest)} rows, against ${rounded(SMALL_ROWS)}`,
      1.5,
      smallWorst,
    ),
    goal('a page by call of the library, against one range by hand without RLS', 3, handWorst),
  ];
  return {
    goals,
    tables: [
      {
        caption: `Pages of ${PAGE} at ${rounded(largest)} rows, p50 in ms, warm; growth is against ${rounded(SMALL_ROWS)} rows, read in alternation`,
        columns: ['page', 'spans', 'first', 'growth', 'deep', 'growth', 'call', 'by hand', 'p99 first'],
        rows: pageRows(atLargest),
      },
      {
        caption:
          'First pages over HTTP in ms: cold (PostgreSQL’s cache emptied) and while four callers append',
        columns: ['page', 'rows', 'cold p50', 'busy p50', 'busy p50, small ledger', 'busy p99'],
        rows: extremes.map(({ label, rows, coldMs, busyMs, busySmallMs }) => [
          label,
          rows,
          median(coldMs),
          median(busyMs),
          median(busySmallMs),
          quantile(busyMs, 0.99),
        ]),
      },
    ],
    plots: context.quick ? [] : [plot()],
    figures: { measured, extremes },
  };
}

function worstOf(pages: readonly Measured[], figure: (page: Measured) => number): [string, number] {
  const [first] = pages
    .map((page) => [`${page.label}${page.deep ? ', deep' : ''}`, figure(page)] as [string, number])
    .sort((a, b) => b[1] - a[1]);
  return first ?? ['none', Number.NaN];
}

function goal(what: string, bound: number, [label, ratio]: [string, number]): Goal {
  return { what, goal: `≤ ${bound} ×`, measured: `${rounded(ratio)} × (${label})`, met: ratio <= bound };
}

function pageRows(pages: readonly Measured[]) {
  const firsts = pages.filter(({ deep }) => !deep);
  return firsts.map((first) => {
    const deep = pages.find((page) => page.deep && page.label === first.label);
    return [
      first.label,
      first.spans,
      middle(first.large, 'httpMs'),
      first.comparable ? growth(first) : null,
      deep === undefined ? null : middle(deep.large, 'httpMs'),
      deep?.comparable ? growth(deep) : null,
      middle(first.large, 'callMs'),
      middle(first.large, 'handMs'),
      quantile(
        first.large.map(({ httpMs }) => httpMs),
        0.99,
      ),
    ];
  });
}

function plot() {
  const labels = ['all', 'all, small tenant', 'who', 'owner_id', 'related_to'];
  return {
    file: 'rows',
    title: 'First page of 50 over HTTP: p50 by rows of the ledger',
    xLabel: 'rows',
    yLabel: 'ms',
    xScale: 'log' as const,
    series: labels.map((label) => ({
      name: label,
      points: measured
        .filter((page) => page.label === label && !page.deep)
        .map(({ rows, large }) => [rows, middle(large, 'httpMs')] as const),
    })),
  };
}

import type { Bench, BenchContext, BenchResult } from './bench';
import { HelperProcess } from './harness/helper-process';
import type { LoadSummary, RequestLoad } from './harness/load-process';
import { type Product, startProduct } from './harness/product';
import { median, percent, ratioOf, shown, spreadOf } from './harness/statistics';

const CODE = 'function main(ctx, input) { return { doubled: input.n * 2 }; }';
const BODY = '{"input":{"n":21}}';
const CALLERS = [1, 4, 16];

/**
 * Servers compared: the product; the product with plain V8 in place of the sandbox, which shows the sandbox's cost; and a
 * bare server with only the call and the writes, which shows the product's cost.
 */
const SIDES = ['sandboxed', 'plain', 'bare'] as const;
type Side = (typeof SIDES)[number];
type Rounds = Readonly<Record<Side, readonly LoadSummary[]>>;

interface Rates extends Rounds {
  readonly callers: number;
}

/** A server and the request that starts a run. */
interface Target {
  readonly port: number;
  readonly functionId: string;
  readonly token: string;
}

export const bench: Bench = {
  name: 'execute',
  title: 'Running a trivial function, against the same function in plain V8 with the same writes',
  async run(context) {
    const cluster = await context.cluster();
    const databases = { own: await cluster.createDatabase(), plain: await cluster.createDatabase() };
    const product = await startProduct(databases.own);
    const plain = await startProduct(databases.plain, [], 'plain-product-process.ts');
    const bare = new HelperProcess('plain-v8-process.ts', {
      env: { BENCH_DATABASE_URL: databases.own.appUrl },
    });
    const load = new HelperProcess('load-process.ts');
    try {
      const sandboxed = await readyTarget(product);
      const targets: Readonly<Record<Side, Target>> = {
        sandboxed,
        plain: await readyTarget(plain),
        bare: { ...sandboxed, port: await bare.call<number>('port') },
      };
      const rates: Rates[] = [];
      for (const callers of CALLERS) {
        context.progress(`${callers} callers`);
        rates.push({ callers, ...(await byTurns(context, callers, load, targets)) });
      }
      return result(rates);
    } finally {
      await load.stop();
      await bare.stop();
      await plain.stop();
      await product.stop();
      await databases.plain.drop();
      await databases.own.drop();
    }
  },
};

async function readyTarget(product: Product): Promise<Target> {
  await liftQuota(product);
  const token = await product.token('bench', 'bench');
  return { port: product.port, token, functionId: await appendFunction(product, token) };
}

async function byTurns(
  context: BenchContext,
  callers: number,
  load: HelperProcess,
  targets: Readonly<Record<Side, Target>>,
): Promise<Rounds> {
  const rounds: Record<Side, LoadSummary[]> = { sandboxed: [], plain: [], bare: [] };
  for (let round = -1; round < (context.quick ? 1 : 7); round += 1) {
    for (const side of SIDES) {
      const { port, functionId, token } = targets[side];
      const summary = await load.call<LoadSummary>('send', {
        port,
        callers,
        requests: [{ method: 'POST', path: `/api/execute/${functionId}`, token, body: BODY }],
        warmUpMs: 500,
        measureMs: context.quick ? 500 : 3_000,
      } satisfies RequestLoad);
      if (Object.keys(summary.statuses).some((status) => status !== '200')) {
        throw new Error(`runs were refused: ${JSON.stringify(summary.statuses)}`);
      }
      if (round >= 0) rounds[side].push(summary); // round -1 warms up
    }
  }
  return rounds;
}

async function call(product: Product, token: string, path: string, body?: unknown): Promise<unknown> {
  const response = await fetch(`${product.url}${path}`, {
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(`${path} was answered ${response.status}: ${await response.text()}`);
  return response.json();
}

/** Appends a manifest version with a quota that fits the bench. */
async function liftQuota(product: Product): Promise<void> {
  const token = await product.token('system', 'system');
  const answer = (await call(product, token, '/api/manifest/kernel_manifest')) as {
    readonly manifest: Record<string, unknown> & { readonly seq: number; readonly metadata: object };
  };
  const { at, prev_hash, curr_hash, signature, public_key, ...manifest } = answer.manifest;
  await call(product, token, '/api/spans', {
    ...manifest,
    seq: manifest.seq + 1,
    metadata: { ...manifest.metadata, throttle: { per_tenant_daily_exec_limit: 1_000_000_000 } },
  });
}

async function appendFunction(product: Product, token: string): Promise<string> {
  const answer = (await call(product, token, '/api/spans', {
    entity_type: 'function',
    who: 'bench',
    this: 'double',
    name: 'double',
    code: CODE,
    language: 'javascript',
  })) as { readonly span: { readonly id: string } };
  return answer.span.id;
}

const perSecond = (rounds: readonly LoadSummary[]): number[] => rounds.map((round) => round.perSecond);

function result(rates: readonly Rates[]): BenchResult {
  const toPlain = rates.map(({ sandboxed, plain }) => ratioOf(perSecond(sandboxed), perSecond(plain)));
  const toBare = rates.map(({ sandboxed, bare }) => ratioOf(perSecond(sandboxed), perSecond(bare)));
  const least = Math.min(...toPlain.map((ratio) => ratio.median));
  const most = Math.max(...toPlain.map((ratio) => ratio.median));
  return {
    goals: [
      {
        what: 'runs of a trivial function a second, of those in plain V8 with the same ledger writes',
        goal: '≥ 50 %',
        measured: `${percent(least)} to ${percent(most)}`,
        met: least >= 0.5,
      },
    ],
    tables: [
      {
        caption: 'Runs a second over HTTP, warm pool',
        columns: [
          'callers',
          'in the sandbox',
          'in plain V8',
          'ratio',
          'bare server, plain V8',
          'ratio',
          'p50 ms',
          'p99 ms',
          'plain p50 ms',
        ],
        rows: rates.map(({ callers, sandboxed, plain, bare }, index) => [
          callers,
          shown(spreadOf(perSecond(sandboxed))),
          shown(spreadOf(perSecond(plain))),
          shown(toPlain[index] ?? spreadOf([])),
          shown(spreadOf(perSecond(bare))),
          shown(toBare[index] ?? spreadOf([])),
          median(sandboxed.map(({ p50Ms }) => p50Ms)),
          median(sandboxed.map(({ p99Ms }) => p99Ms)),
          median(plain.map(({ p50Ms }) => p50Ms)),
        ]),
      },
    ],
    figures: { rates },
  };
}

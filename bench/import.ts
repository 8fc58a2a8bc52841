import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { runExport } from '../cli/export/run-export';
import type { Bench, BenchContext, BenchResult } from './bench';
import { HelperProcess } from './harness/helper-process';
import type { ImportTaken } from './harness/import-process';
import type { LoadSummary, PostLoad } from './harness/load-process';
import { type Product, startProduct } from './harness/product';
import { rounded, shown, spreadOf } from './harness/statistics';

const IDENTITY = { user: 'bench', tenant: 'bench' };
const GOAL = 5_000;
/** An export holds its owners one after another; their spans take turns in the log. */
const OWNERS = 8;

export const bench: Bench = {
  name: 'import',
  title: 'Moving spans into another ledger: check, order of the log, append, compare',
  async run(context) {
    const folder = await mkdtemp(path.join(tmpdir(), 'logline-bench-import-'));
    try {
      const count = context.quick ? 2_000 : 60_000;
      const file = path.join(folder, 'export.ndjson');
      await exported(context, file, count);
      const takes: ImportTaken[] = [];
      const again: ImportTaken[] = [];
      for (let round = 1; round <= (context.quick ? 1 : 3); round += 1) {
        context.progress(`round ${round}`);
        await withProduct(context, async (product) => {
          takes.push(await once(file, product));
          again.push(await once(file, product));
        });
      }
      return result(count, takes, again);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};

async function withProduct(context: BenchContext, work: (product: Product) => Promise<void>): Promise<void> {
  const database = await (await context.cluster()).createDatabase();
  const product = await startProduct(database);
  try {
    await work(product);
  } finally {
    await product.stop();
    await database.drop();
  }
}

/** A file with its log beside it, in the order in which an export of many owners has its spans. */
async function exported(context: BenchContext, file: string, count: number): Promise<void> {
  await withProduct(context, async (product) => {
    const token = await product.token(IDENTITY.user, IDENTITY.tenant);
    context.progress(`appending ${count} spans`);
    const load = new HelperProcess('load-process.ts');
    await load.call<LoadSummary>('post', {
      port: product.port,
      tokens: [token],
      callers: 4,
      kind: 'array',
      spansPerRequest: 100,
      warmUpMs: 0,
      measureMs: 600_000,
      maxRequests: count / 100,
    } satisfies PostLoad);
    await load.stop();
    context.progress('exporting them');
    await runExport({ tenant: IDENTITY.tenant, url: product.url, token, out: file, json: true });
  });
  const lines = (await readFile(file, 'utf8')).trimEnd().split('\n');
  const turns = Array.from({ length: OWNERS }, (_, owner) =>
    lines.filter((_line, index) => index % OWNERS === owner),
  );
  await writeFile(file, `${turns.flat().join('\n')}\n`);
  await rm(`${file}.digest.json`);
}

/** In a fresh process each time, as the command is. */
async function once(file: string, product: Product): Promise<ImportTaken> {
  const helper = new HelperProcess('import-process.ts');
  try {
    const token = await product.token('system', 'system');
    return await helper.call<ImportTaken>('import', { file, url: product.url, token });
  } finally {
    await helper.stop();
  }
}

function result(count: number, takes: readonly ImportTaken[], again: readonly ImportTaken[]): BenchResult {
  const rates = (runs: readonly ImportTaken[]) => runs.map(({ seconds }) => count / seconds);
  const first = spreadOf(rates(takes));
  const memory = Math.max(...[...takes, ...again].map(({ maxRssMiB }) => maxRssMiB));
  return {
    goals: [
      {
        what: 'spans imported a second, the checks before and after included',
        goal: `≥ ${rounded(GOAL)}`,
        measured: shown(first),
        met: first.median >= GOAL,
      },
    ],
    tables: [
      {
        caption: `${rounded(count)} spans of ${OWNERS} owners, spans a second and MiB of the command`,
        columns: ['', 'spans/s', 'memory'],
        rows: [
          ['into an empty ledger', shown(first), memory],
          ['into one that holds them', shown(spreadOf(rates(again))), null],
        ],
      },
    ],
    figures: { takes, again },
  };
}

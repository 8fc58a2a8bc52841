import { createWriteStream, type WriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { finished } from 'node:stream/promises';
import { runExport } from '../cli/export/run-export';
import type { Bench, BenchContext, BenchResult } from './bench';
import { HelperProcess } from './harness/helper-process';
import type { ImportTaken } from './harness/import-process';
import type { LoadSummary, PostLoad } from './harness/load-process';
import { type Product, startProduct } from './harness/product';
import { median, rounded, shown, spreadOf } from './harness/statistics';

const TENANT = 'bench';
const GOAL = 5_000;
/** Owners, whose spans alternate in the log and are grouped in an export. */
const OWNERS = 8;

export const bench: Bench = {
  name: 'import',
  title: 'Moving spans into another ledger: check, order of the log, append, compare',
  async run(context) {
    const folder = await mkdtemp(path.join(tmpdir(), 'logline-bench-import-'));
    try {
      const file = path.join(folder, 'export.ndjson');
      const count = await exported(context, file, context.quick ? 2_000 : 60_000);
      const takes: Taken[] = [];
      const again: Taken[] = [];
      for (let round = 1; round <= (context.quick ? 1 : 3); round += 1) {
        context.progress(`round ${round}`);
        await withProduct(context, async (product) => {
          takes.push(await once(context, file, product));
          again.push(await once(context, file, product));
        });
      }
      return result(count, takes, again);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};

async function withProduct<T>(context: BenchContext, work: (product: Product) => Promise<T>): Promise<T> {
  const database = await (await context.cluster()).createDatabase();
  const product = await startProduct(database);
  try {
    return await work(product);
  } finally {
    await product.stop();
    await database.drop();
  }
}

/** Writes a file with its log, with spans grouped by owner as in an export. */
async function exported(context: BenchContext, file: string, count: number): Promise<number> {
  return withProduct(context, async (product) => {
    const owners = Array.from({ length: OWNERS }, (_, index) => `owner ${index}`);
    const tokens = await Promise.all(owners.map((owner) => product.token(owner, TENANT)));
    context.progress(`appending ${count} spans`);
    const load = new HelperProcess('load-process.ts');
    await load.call<LoadSummary>('post', {
      port: product.port,
      tokens,
      callers: 32,
      kind: 'single',
      spansPerRequest: 1,
      warmUpMs: 0,
      measureMs: 600_000,
      maxRequests: count,
    } satisfies PostLoad);
    await load.stop();
    context.progress('exporting them');
    // Written first for the log, which needs all spans; the file is rewritten by owner below.
    const [token = ''] = tokens;
    await runExport({ tenant: TENANT, url: product.url, token, out: file, json: true });
    await rm(`${file}.digest.json`);
    const out = createWriteStream(file);
    let spans = 0;
    for (const [index, owner] of owners.entries())
      spans += await writeFeed(
        out,
        `${product.url}/api/timeline?order=feed&limit=1000&owner_id=${encodeURIComponent(owner)}`,
        tokens[index] ?? '',
      );
    out.end();
    await finished(out);
    return spans;
  });
}

/** One span a line, in commit order. */
async function writeFeed(out: WriteStream, url: string, token: string): Promise<number> {
  let spans = 0;
  let cursor = '';
  for (let more = true; more; ) {
    const response = await fetch(`${url}${cursor}`, { headers: { authorization: `Bearer ${token}` } });
    const page = (await response.json()) as { spans: object[]; has_more: boolean; next_cursor: string };
    for (const span of page.spans) out.write(`${JSON.stringify(span)}\n`);
    spans += page.spans.length;
    cursor = `&cursor=${page.next_cursor}`;
    more = page.has_more;
  }
  return spans;
}

/** Processor seconds of an import by process. */
interface Taken extends ImportTaken {
  readonly ledgerCpuSeconds: number;
  readonly postgresCpuSeconds: number;
}

/** Runs one import in a new process, like the command. */
async function once(context: BenchContext, file: string, product: Product): Promise<Taken> {
  const cluster = await context.cluster();
  const token = await product.token('system', 'system');
  const helper = new HelperProcess('import-process.ts');
  const ledger = (await product.use()).cpuSeconds;
  const postgres = cluster.cpuSeconds() ?? Number.NaN;
  try {
    const taken = await helper.call<ImportTaken>('import', { file, url: product.url, token });
    return {
      ...taken,
      ledgerCpuSeconds: (await product.use()).cpuSeconds - ledger,
      postgresCpuSeconds: (cluster.cpuSeconds() ?? Number.NaN) - postgres,
    };
  } finally {
    await helper.stop();
  }
}

function result(count: number, takes: readonly Taken[], again: readonly Taken[]): BenchResult {
  const rates = (runs: readonly Taken[]) => spreadOf(runs.map(({ seconds }) => count / seconds));
  const cpuUs = (runs: readonly Taken[], part: (taken: Taken) => number) =>
    (median(runs.map(part)) / count) * 1e6;
  const row = (what: string, runs: readonly Taken[]) => [
    what,
    shown(rates(runs)),
    cpuUs(runs, ({ cpuSeconds }) => cpuSeconds),
    cpuUs(runs, ({ ledgerCpuSeconds }) => ledgerCpuSeconds),
    cpuUs(runs, ({ postgresCpuSeconds }) => postgresCpuSeconds),
    Math.max(...runs.map(({ maxRssMiB }) => maxRssMiB)),
  ];
  const first = rates(takes);
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
        caption: `${rounded(count)} spans of ${OWNERS} owners who take turns; processor time of a span in µs, and memory of the command in MiB`,
        columns: ['', 'spans/s', 'command µs', 'ledger µs', 'PostgreSQL µs', 'memory'],
        rows: [row('into an empty ledger', takes), row('into one that holds them', again)],
      },
    ],
    figures: { takes, again },
  };
}

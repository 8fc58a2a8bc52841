import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { finished } from 'node:stream/promises';
import type { Bench, BenchResult } from './bench';
import { HelperProcess } from './harness/helper-process';
import type { LoadSummary, PostLoad } from './harness/load-process';
import { type Product, startProduct } from './harness/product';
import { ratioOf, rounded, shown, spreadOf } from './harness/statistics';
import type { Verified } from './harness/verify-process';

const IDENTITY = { user: 'bench', tenant: 'bench' };
const LIVE_GOAL = 5_000;
const FILE_GOAL = 10_000;
/** Far above what 1,000 spans need, far below what all of them would. */
const MAX_RSS_MIB = 300;

type Way = 'live' | 'file' | 'signatures';

export const bench: Bench = {
  name: 'verify',
  title: 'Re-checking spans: hash, signature and chain',
  async run(context) {
    const cluster = await context.cluster();
    const database = await cluster.createDatabase();
    const product = await startProduct(database);
    const folder = await mkdtemp(path.join(tmpdir(), 'logline-bench-verify-'));
    try {
      const count = context.quick ? 2_000 : 60_000;
      const token = await product.token(IDENTITY.user, IDENTITY.tenant);
      context.progress(`appending ${count} spans`);
      await append(product, token, count);
      const file = path.join(folder, 'export.ndjson');
      await exportTo(file, product, token);
      const runs: Record<Way, Verified[]> = { live: [], file: [], signatures: [] };
      for (let round = 1; round <= (context.quick ? 1 : 3); round += 1) {
        context.progress(`round ${round}`);
        runs.live.push(await once('live', { url: product.url, token }));
        runs.file.push(await once('file', file));
        runs.signatures.push(await once('signatures', file));
      }
      return result(runs);
    } finally {
      await rm(folder, { recursive: true, force: true });
      await product.stop();
      await database.drop();
    }
  },
};

/** In a fresh process each time, as the command is. */
async function once(way: Way, argument: unknown): Promise<Verified> {
  const helper = new HelperProcess('verify-process.ts');
  try {
    return await helper.call<Verified>(way, argument);
  } finally {
    await helper.stop();
  }
}

async function append(product: Product, token: string, count: number): Promise<void> {
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
}

/** One span a line, in commit order. */
async function exportTo(file: string, product: Product, token: string): Promise<void> {
  const out = createWriteStream(file);
  let cursor = '';
  for (let more = true; more; ) {
    const response = await fetch(`${product.url}/api/timeline?order=feed&limit=1000${cursor}`, {
      headers: { authorization: `Bearer ${token}` },
    });
    const page = (await response.json()) as { spans: object[]; has_more: boolean; next_cursor: string };
    for (const span of page.spans) out.write(`${JSON.stringify(span)}\n`);
    cursor = `&cursor=${page.next_cursor}`;
    more = page.has_more;
  }
  out.end();
  await finished(out);
}

function result(runs: Readonly<Record<Way, readonly Verified[]>>): BenchResult {
  const rates = (way: Way): number[] => runs[way].map(({ spans, seconds }) => spans / seconds);
  const rss = (way: Way): number => Math.max(...runs[way].map(({ maxRssMiB }) => maxRssMiB));
  const live = spreadOf(rates('live'));
  const file = spreadOf(rates('file'));
  const most = Math.max(rss('live'), rss('file'));
  return {
    goals: [
      {
        what: 'spans a second from a live ledger',
        goal: `≥ ${rounded(LIVE_GOAL)}`,
        measured: shown(live),
        met: live.median >= LIVE_GOAL,
      },
      {
        what: 'spans a second from a file',
        goal: `≥ ${rounded(FILE_GOAL)}`,
        measured: shown(file),
        met: file.median >= FILE_GOAL,
      },
      {
        what: 'memory',
        goal: `≤ ${MAX_RSS_MIB} MiB RSS`,
        measured: `${rounded(most)} MiB`,
        met: most <= MAX_RSS_MIB,
      },
    ],
    tables: [
      {
        caption:
          'Spans checked a second; the limit is one thread that checks their signatures and does nothing else',
        columns: ['', 'spans/s', 'of the limit', 'most memory, MiB'],
        rows: [
          ['live, over HTTP', shown(live), shown(ratioOf(rates('live'), rates('signatures'))), rss('live')],
          ['from a file', shown(file), shown(ratioOf(rates('file'), rates('signatures'))), rss('file')],
          ['signatures alone, one thread', shown(spreadOf(rates('signatures'))), null, null],
        ],
      },
    ],
    figures: { runs },
  };
}

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
/** Bound in MiB, far above the need of 1,000 spans and far below that of all spans in memory. */
const MAX_RSS_MIB = 300;

type Way = 'live' | 'liveWithLog' | 'file' | 'fileWithLog' | 'signatures';

const WAYS = ['live', 'liveWithLog', 'file', 'fileWithLog'] as const;

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
      const live = { url: product.url, token, tenant: IDENTITY.tenant };
      await keepLog({ ...live, file });
      const runs: Record<Way, Verified[]> = {
        live: [],
        liveWithLog: [],
        file: [],
        fileWithLog: [],
        signatures: [],
      };
      for (let round = 1; round <= (context.quick ? 1 : 3); round += 1) {
        context.progress(`round ${round}`);
        runs.live.push(await once('live', live));
        runs.liveWithLog.push(await once('liveWithLog', live));
        runs.file.push(await once('file', file));
        runs.fileWithLog.push(await once('fileWithLog', file));
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

/** Runs one verification in a new process, like the command. */
async function once(way: Way, argument: unknown): Promise<Verified> {
  const helper = new HelperProcess('verify-process.ts');
  try {
    return await helper.call<Verified>(way, argument);
  } finally {
    await helper.stop();
  }
}

/** Saves the log like an export, after everything is sealed. */
async function keepLog(options: object): Promise<void> {
  const helper = new HelperProcess('verify-process.ts');
  try {
    await helper.call('keepLog', options);
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
  const goal = (what: string, way: Way, least: number) => {
    const rate = spreadOf(rates(way));
    return { what, goal: `≥ ${rounded(least)}`, measured: shown(rate), met: rate.median >= least };
  };
  const row = (what: string, way: Way, without: Way) => [
    what,
    shown(spreadOf(rates(way))),
    shown(ratioOf(rates(way), rates('signatures'))),
    way === without ? null : shown(ratioOf(rates(way), rates(without))),
    rss(way),
  ];
  const most = Math.max(...WAYS.map(rss));
  return {
    goals: [
      goal('spans a second from a live ledger', 'live', LIVE_GOAL),
      goal('the same with its log', 'liveWithLog', LIVE_GOAL),
      goal('spans a second from a file', 'file', FILE_GOAL),
      goal('the same with its log', 'fileWithLog', FILE_GOAL),
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
        columns: ['', 'spans/s', 'of the limit', 'of the same without the log', 'most memory, MiB'],
        rows: [
          row('live, over HTTP', 'live', 'live'),
          row('live, with its log', 'liveWithLog', 'live'),
          row('from a file', 'file', 'file'),
          row('from a file, with its log', 'fileWithLog', 'file'),
          ['signatures alone, one thread', shown(spreadOf(rates('signatures'))), null, null, null],
        ],
      },
    ],
    figures: { runs },
  };
}

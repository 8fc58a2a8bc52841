import { withClient } from '../test/support/sql-session';
import type { Bench, BenchContext, BenchResult } from './bench';
import type { BenchDatabase } from './harness/cluster';
import { HelperProcess } from './harness/helper-process';
import { ratioOf, rounded, shown, spreadOf } from './harness/statistics';

/** Requests that are due when the worker starts. */
const DUE = 2_000;

interface Claims {
  readonly finished: number;
  /** Requests a second for each round; rounds alternate between the fresh queue and the one with history. */
  readonly fresh: readonly number[];
  readonly old: readonly number[];
}

export const bench: Bench = {
  name: 'claim',
  title: 'Claiming requests after others have finished',
  async run(context) {
    const cluster = await context.cluster();
    const fresh = await openQueue(await cluster.createDatabase());
    const old = await openQueue(await cluster.createDatabase());
    try {
      const claims: Claims[] = [];
      for (const finished of context.quick ? [1_000] : [10_000, 100_000, 1_000_000]) {
        context.progress(`finishing requests until there are ${finished.toLocaleString('en-US')}`);
        await old.finish(finished);
        claims.push(await compare(context, finished, fresh, old));
      }
      return result(claims);
    } finally {
      await fresh.close();
      await old.close();
    }
  },
};

interface Queue {
  /** Adds finished requests up to this number. */
  finish(total: number): Promise<void>;
  /** Measures requests a second while `due` requests are due. */
  claimRate(due: number): Promise<number>;
  close(): Promise<void>;
}

async function openQueue(database: BenchDatabase): Promise<Queue> {
  const worker = new HelperProcess('kernel-process.ts', {
    env: { BENCH_DATABASE_URL: database.appUrl, BENCH_KERNEL_URL: database.kernelUrl },
  });
  await worker.call('ready');
  let finished = 0;
  return {
    async finish(total) {
      await withClient(database.superuserUrl, async (client) => {
        for (; finished < total; finished += Math.min(50_000, total - finished)) {
          const range = [finished + 1, Math.min(finished + 50_000, total)];
          await client.query(FINISHED_SPANS, range);
          // Each is deleted from the queue as in production, and leaves dead rows for autovacuum.
          await client.query(ENQUEUE, range);
          await client.query('DELETE FROM app.request_queue');
        }
        await client.query('ANALYZE ledger.universal_registry');
      });
    },
    async claimRate(due) {
      await withClient(database.superuserUrl, (client) => client.query(ENQUEUE, [1, due]));
      const { claimed, seconds } = await worker.call<{ claimed: number; seconds: number }>('drain');
      if (claimed !== due) throw new Error(`${claimed} of ${due} requests were claimed`);
      return claimed / seconds;
    },
    async close() {
      await worker.stop();
      await database.drop();
    },
  };
}

const ID = `('00000000-0000-4000-8000-' || lpad(to_hex(i), 12, '0'))::uuid`;

/** Requests that have ended already: the worker claims, reads and dequeues them. */
const FINISHED_SPANS = `
  WITH span AS (SELECT ${ID.replaceAll('00000000-0000', '00000001-0000')} AS id, i FROM generate_series($1::int, $2::int) i)
  INSERT INTO ledger.universal_registry (id, seq, entity_type, who, this, at, owner_id, tenant_id, status,
    curr_hash, signature, public_key)
  SELECT id, 0, 'request', 'bench', 'run', clock_timestamp(), 'user-' || i % 20, 'tenant-' || i % 50, 'complete',
    lpad(to_hex(i), 64, '0'), lpad(to_hex(i), 128, '0'), repeat('0', 64) FROM span`;
const ENQUEUE = `
  INSERT INTO app.request_queue (request_id, tenant_id, owner_id)
  SELECT ${ID.replaceAll('00000000-0000', '00000001-0000')}, 'tenant-' || i % 50, 'user-' || i % 20
  FROM generate_series($1::int, $2::int) i`;

async function compare(context: BenchContext, finished: number, fresh: Queue, old: Queue): Promise<Claims> {
  const due = context.quick ? 200 : DUE;
  const rates: { fresh: number[]; old: number[] } = { fresh: [], old: [] };
  await fresh.finish(due);
  for (let round = -1; round < (context.quick ? 1 : 5); round += 1) {
    const pair = { fresh: await fresh.claimRate(due), old: await old.claimRate(due) };
    if (round < 0) continue; // warm-up
    rates.fresh.push(pair.fresh);
    rates.old.push(pair.old);
  }
  return { finished, ...rates };
}

function result(claims: readonly Claims[]): BenchResult {
  const worst = Math.max(...claims.map(({ fresh, old }) => ratioOf(fresh, old).median));
  const most = Math.max(...claims.map(({ finished }) => finished));
  return {
    goals: [
      {
        what: `claim rate after ${rounded(most)} finished requests, against a queue with none`,
        goal: 'within 1.5 ×',
        measured: `${rounded(worst)} × slower`,
        met: worst <= 1.5,
      },
    ],
    tables: [
      {
        caption: 'Requests a second that the worker claims, reads and settles (claim, span, queue; no run)',
        columns: ['finished before', 'requests/s', 'requests/s on a fresh queue', 'fresh / old'],
        rows: claims.map(({ finished, fresh, old }) => [
          finished,
          shown(spreadOf(old)),
          shown(spreadOf(fresh)),
          shown(ratioOf(fresh, old)),
        ]),
      },
    ],
    figures: { claims },
  };
}

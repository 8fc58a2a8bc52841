import type { Bench, BenchResult } from './bench';
import type { QueueLoad } from './harness/client-process';
import { HelperProcess } from './harness/helper-process';
import type { LoadSummary, PostLoad } from './harness/load-process';
import { startProduct } from './harness/product';
import { percent, ratioOf, shown, spreadOf } from './harness/statistics';

/** Batches in flight, raw and through the queue. */
const IN_FLIGHT = [1, 8];
const BATCH = 100;

interface Rates {
  readonly inFlight: number;
  /** Spans a second for each round; rounds alternate. */
  readonly raw: number[];
  readonly queue: number[];
}

export const bench: Bench = {
  name: 'client',
  title: "Appending through the client's queue, against the same batches by hand",
  async run(context) {
    const cluster = await context.cluster();
    const database = await cluster.createDatabase();
    const product = await startProduct(database);
    const load = new HelperProcess('load-process.ts');
    const client = new HelperProcess('client-process.ts');
    try {
      const token = await product.token('bench', 'bench');
      const times = { warmUpMs: context.quick ? 100 : 500, measureMs: context.quick ? 400 : 2_500 };
      const rates: Rates[] = IN_FLIGHT.map((inFlight) => ({ inFlight, raw: [], queue: [] }));
      for (let round = 1; round <= (context.quick ? 1 : 5); round += 1) {
        context.progress(`round ${round}`);
        for (const { inFlight, raw, queue } of rates) {
          const { perSecond } = await load.call<LoadSummary>('post', {
            ...times,
            port: product.port,
            tokens: [token],
            callers: inFlight,
            kind: 'array',
            spansPerRequest: BATCH,
          } satisfies PostLoad);
          raw.push(perSecond * BATCH);
          const options = { maxSpans: BATCH, maxInFlight: inFlight };
          queue.push(
            await client.call<number>('queue', {
              ...times,
              url: product.url,
              token,
              options,
            } satisfies QueueLoad),
          );
        }
      }
      return result(rates);
    } finally {
      await client.stop();
      await load.stop();
      await product.stop();
      await database.drop();
    }
  },
};

function result(rates: readonly Rates[]): BenchResult {
  return {
    goals: rates.map(({ inFlight, raw, queue }) => {
      const share = ratioOf(queue, raw).median;
      return {
        what: `spans a second through the queue, of raw batches of ${BATCH}, ${inFlight} on their way`,
        goal: '≥ 80 %',
        measured: percent(share),
        met: share >= 0.8,
      };
    }),
    tables: [
      {
        caption: `Spans a second in batches of ${BATCH}`,
        columns: ['batches on their way', 'by hand', 'through the queue', 'queue / hand'],
        rows: rates.map(({ inFlight, raw, queue }) => [
          inFlight,
          shown(spreadOf(raw)),
          shown(spreadOf(queue)),
          shown(ratioOf(queue, raw)),
        ]),
      },
    ],
    figures: { rates },
  };
}

import { KERNEL_TABLE } from '../runtime/host/kernel-table';
import type { Bench, BenchContext, BenchResult } from './bench';
import { HelperProcess } from './harness/helper-process';
import { rounded } from './harness/statistics';

const SUBJECTS = 10_000;
const NIGHT = '2026-03-28T23:00:00.000Z';

interface Night {
  readonly subjects: number;
  readonly owners: number;
  /** Seconds of the round that decides all subjects. */
  readonly seconds: number;
  /** Seconds of a second round for the same night, which has nothing to do. */
  readonly againSeconds: number;
  /** Seconds for appending as many spans in batches of 100. */
  readonly appendSeconds: number;
}

export const bench: Bench = {
  name: 'midnight',
  title: 'Deciding deliverables that are due, for one owner and for many',
  async run(context) {
    const nights = [];
    for (const owners of [1, 50]) nights.push(await night(context, owners));
    return result(nights);
  },
};

async function night(context: BenchContext, owners: number): Promise<Night> {
  const subjects = context.quick ? 500 : SUBJECTS;
  const cluster = await context.cluster();
  const database = await cluster.createDatabase();
  const kernels = new HelperProcess('kernel-process.ts', {
    env: { BENCH_DATABASE_URL: database.appUrl, BENCH_KERNEL_URL: database.kernelUrl },
  });
  try {
    await kernels.call('ready');
    context.progress(`${subjects} subjects of ${owners} owners`);
    const appendSeconds = await kernels.call<number>('appendSubjects', { count: subjects, owners });
    context.progress('deciding');
    const round = () => kernels.call<{ counts: { looked: number }; seconds: number }>('midnight', NIGHT);
    const { counts, seconds } = await round();
    if (counts.looked !== subjects) throw new Error(`the round left subjects out: ${JSON.stringify(counts)}`);
    const again = await round();
    if (again.counts.looked !== 0) throw new Error(`a night decided twice: ${JSON.stringify(again.counts)}`);
    return { subjects, owners, seconds, againSeconds: again.seconds, appendSeconds };
  } finally {
    await kernels.stop();
    await database.drop();
  }
}

function result(nights: readonly Night[]): BenchResult {
  const slowest = Math.max(...nights.map(({ seconds }) => seconds));
  const limit = KERNEL_TABLE.run_code.timeoutSeconds;
  return {
    goals: [
      {
        what: `a night of ${rounded(nights[0]?.subjects ?? 0)} due subjects, against the time limit of run_code`,
        goal: `≤ ${limit} s`,
        measured: `${rounded(slowest)} s`,
        met: slowest <= limit,
      },
    ],
    tables: [
      {
        caption:
          'Each subject is read, decided in the sandbox, and gets two spans: the decision and its next version',
        columns: [
          'owners',
          'subjects',
          'seconds',
          'subjects/s',
          'of appending as many spans',
          'the same night again, s',
        ],
        rows: nights.map(({ owners, subjects, seconds, appendSeconds, againSeconds }) => [
          owners,
          subjects,
          seconds,
          subjects / seconds,
          seconds / appendSeconds,
          againSeconds,
        ]),
      },
    ],
    figures: { nights },
  };
}

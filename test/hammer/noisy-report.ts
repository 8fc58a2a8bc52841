import type { BenchResult, FigureTable, Goal } from '../../bench/bench';
import { median, quantile, rounded } from '../../bench/harness/statistics';
import type { Memory } from './memory';
import { NEAR_MIB, type Phase, type Round, WORKS, type WorkName } from './noisy-round';

const PHASES = ['before', 'during', 'after'] as const;

/** Bound on the good tenant's p99 beside an attack: a multiple of its quiet value, or milliseconds, whichever is greater. */
const SLOWEST: Readonly<Record<WorkName, { readonly times: number; readonly ms: number }>> = {
  posting: { times: 3, ms: 50 },
  reading: { times: 3, ms: 50 },
  executing: { times: 5, ms: 500 },
};
const MOST_API_MIB = 400;
const MOST_POSTGRES_MORE_MIB = 256;

/** Medians of the rounds of each attack, compared with the bounds. */
export function noisyReport(
  measured: ReadonlyMap<string, readonly Round[]>,
): Pick<BenchResult, 'tables' | 'goals'> {
  const attacks = [...measured];
  return {
    tables: [latencies(attacks), memories(attacks)],
    goals: attacks.flatMap(([name, rounds]) => goalsOf(name, rounds)),
  };
}

type Attacks = readonly (readonly [name: string, rounds: readonly Round[]])[];

function latencies(attacks: Attacks): FigureTable {
  const rows = attacks.flatMap(([name, rounds]) =>
    WORKS.map((work) => [
      name,
      work,
      ...PHASES.map((phase) => {
        const at = (share: number): string => rounded(msOf(rounds, phase, work, share));
        return `${at(0.5)} / ${at(0.99)}`;
      }),
      sum(rounds, work, 'refused'),
      sum(rounds, work, 'failed'),
    ]),
  );
  const caption =
    'The good tenant beside a bad one, p50 / p99 in ms; calls answered 429, and 5xx or not at all';
  return { caption, columns: ['attack', 'work', ...PHASES, '429', '5xx'], rows };
}

function memories(attacks: Attacks): FigureTable {
  const rows = attacks.map(([name, rounds]) => [
    name,
    ...(['api', 'kernels', 'postgres'] as const).map((program) =>
      PHASES.map((phase) => rounded(memoryOf(rounds, phase, program))).join(' / '),
    ),
    backAfter(rounds),
  ]);
  const caption = 'Most resident memory in MiB, before / during / after';
  return { caption, columns: ['attack', 'API', 'kernels', 'PostgreSQL', 'API back after s'], rows };
}

function goalsOf(name: string, rounds: readonly Round[]): Goal[] {
  const works = WORKS.map((work): Goal => {
    const { times, ms } = SLOWEST[work];
    const most = Math.max(times * msOf(rounds, 'before', work, 0.99), ms);
    const during = msOf(rounds, 'during', work, 0.99);
    const after = msOf(rounds, 'after', work, 0.99);
    return {
      what: `${name}: ${work}, p99 during and 5 s after`,
      goal: `≤ max(${times} × quiet, ${ms} ms) = ${rounded(most)} ms`,
      measured: `${rounded(during)} and ${rounded(after)} ms`,
      met: during <= most && after <= most,
    };
  });
  const failed = WORKS.reduce((count, work) => count + sum(rounds, work, 'failed'), 0);
  const api = memoryOf(rounds, 'during', 'api');
  const more = memoryOf(rounds, 'during', 'postgres') - memoryOf(rounds, 'before', 'postgres');
  const back = backAfter(rounds);
  return [
    ...works,
    { what: `${name}: 5xx of the good tenant`, goal: '0', measured: String(failed), met: failed === 0 },
    {
      what: `${name}: memory of the API`,
      goal: `≤ ${MOST_API_MIB} MiB, within ${NEAR_MIB} MiB of before after 60 s`,
      measured: `${rounded(api)} MiB, ${back === null ? 'not back' : `back after ${back} s`}`,
      met: api <= MOST_API_MIB && back !== null,
    },
    {
      what: `${name}: memory of PostgreSQL above quiet`,
      goal: `≤ ${MOST_POSTGRES_MORE_MIB} MiB`,
      measured: `${rounded(more)} MiB`,
      met: more <= MOST_POSTGRES_MORE_MIB,
    },
  ];
}

type PhaseName = (typeof PHASES)[number];

function msOf(rounds: readonly Round[], phase: PhaseName, work: WorkName, share: number): number {
  return median(rounds.map((round) => quantile(round[phase].works[work].ms, share)));
}

function memoryOf(rounds: readonly Round[], phase: PhaseName, program: keyof Memory): number {
  return median(rounds.map((round) => round[phase].most[program]));
}

function sum(rounds: readonly Round[], work: WorkName, member: 'refused' | 'failed'): number {
  const phases: Phase[] = rounds.flatMap((round) => PHASES.map((phase) => round[phase]));
  return phases.reduce((count, { works }) => count + works[work][member], 0);
}

/** The longest of the rounds; null if memory did not recover in one. */
function backAfter(rounds: readonly Round[]): number | null {
  const seconds = rounds.map(({ memoryBackS }) => memoryBackS ?? Number.POSITIVE_INFINITY);
  const longest = Math.max(...seconds);
  return Number.isFinite(longest) ? longest : null;
}

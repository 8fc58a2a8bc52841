import { setTimeout as delay } from 'node:timers/promises';
import { cleanUp, type LocalRun, runCommand, startLocalRun, temporaryFolder } from '../support/local-run';
import { ALL_BY_MANY, MANY } from './attacks';
import { type Memory, memoryDuring, memoryOf } from './memory';
import { startAttack } from './running-attack';
import { Tenant } from './tenant';

/** The good tenant's work; each kind runs one call at a time. */
const WORK = {
  posting: (good: Tenant) => good.post({ entity_type: 'note', who: 'good', this: 'x' }),
  reading: (good: Tenant) => good.get('/api/timeline?limit=20'),
  executing: (good: Tenant) => good.execute('return 1;'),
} as const;

export type WorkName = keyof typeof WORK;
export const WORKS = Object.keys(WORK) as readonly WorkName[];

/** Calls of one kind in one phase. */
export interface Calls {
  readonly ms: number[];
  /** Answered 429. */
  refused: number;
  /** Answered 5xx, or unanswered. */
  failed: number;
}

export interface Phase {
  readonly works: Readonly<Record<WorkName, Calls>>;
  readonly most: Memory;
}

/** One attack beside the good tenant. */
export interface Round {
  readonly before: Phase;
  readonly during: Phase;
  readonly after: Phase;
  /** Seconds until the API's memory was within {@link NEAR_MIB} of its value before the attack; undefined when it never was. */
  readonly memoryBackS: number | undefined;
}

/** Milliseconds after an attack until its effects should be over. */
const RECOVERY_MS = 5_000;
export const NEAR_MIB = 50;
/** Milliseconds that memory is watched after an attack. */
const MEMORY_BACK_MS = 60_000;
const WARM_UP_MS = 2_000;
/** Time limit in milliseconds for stopping a server. */
const STOP_MS = 15_000;
/** Additional milliseconds for a round: start, beginning of the attack, last calls, memory, stop. */
const ROUND_MORE_MS = 5 * 60_000;

/** Clean-ups of running rounds. */
const underWay = new Set<() => Promise<void>>();

/** Ends all running rounds with every process that they started. */
export async function endRounds(): Promise<void> {
  await Promise.all([...underWay].map((end) => end()));
}

/**
 * Runs one attack on a new ledger.
 * @param ms measured milliseconds; half as long before and after it
 * @throws Error when the round times out
 */
export async function runRound(name: string, ms: number): Promise<Round> {
  const data = await temporaryFolder();
  const started: (() => Promise<void>)[] = [() => cleanUp(data)];
  const end = async (): Promise<void> => {
    underWay.delete(end);
    for (const stop of started.splice(0).reverse()) await stop();
  };
  underWay.add(end);
  const timeUp = new AbortController();
  try {
    return await Promise.race([
      measureRound(name, ms, data, started),
      delay(2 * ms + ROUND_MORE_MS, undefined, { signal: timeUp.signal }).then(() => {
        throw new Error(`a round of ${name} did not end in time`);
      }),
    ]);
  } finally {
    timeUp.abort();
    await end();
  }
}

async function measureRound(
  name: string,
  ms: number,
  data: string,
  started: (() => Promise<void>)[],
): Promise<Round> {
  const run = await startLocalRun(data);
  started.push(() => stopped(run));
  const good = await tenantOf(run, data, 'good');
  const bad = await tenantOf(run, data, 'bad');
  const others: Tenant[] = [];
  if (name === ALL_BY_MANY)
    for (let count = 1; count <= MANY; count += 1) others.push(await tenantOf(run, data, `bad-${count}`));
  // Warm-up, so that compilation and caches do not count.
  await measure(good, WARM_UP_MS);
  const measured = async (phaseMs: number): Promise<Phase> => {
    const { result, most } = await memoryDuring(run, data, measure(good, phaseMs));
    return { works: result, most };
  };
  const before = await measured(ms / 2);
  const attack = await startAttack(name, bad, { others });
  started.push(() => attack.stop());
  const during = await measured(ms);
  await attack.stop();
  const endedAt = performance.now();
  await delay(RECOVERY_MS);
  const after = await measured(ms / 2);
  const memoryBackS = await memoryBack(run, data, before.most.api + NEAR_MIB, endedAt);
  return { before, during, after, memoryBackS };
}

async function stopped(run: LocalRun): Promise<void> {
  const ended = run.stop();
  const timer = setTimeout(() => void run.stop('SIGKILL'), STOP_MS);
  await ended;
  clearTimeout(timer);
}

async function tenantOf(run: LocalRun, data: string, tenant: string): Promise<Tenant> {
  const { stdout } = await runCommand(['token', '--user', tenant, '--tenant', tenant], {
    env: { LOGLINE_DATA: data },
  });
  const token = stdout.split('\n').find((line) => line.startsWith('ey'));
  if (token === undefined) throw new Error(`no token: ${stdout}`);
  return new Tenant(run.url, token);
}

async function measure(good: Tenant, ms: number): Promise<Phase['works']> {
  const end = performance.now() + ms;
  const [posting, reading, executing] = await Promise.all([
    repeated(() => WORK.posting(good), end),
    repeated(() => WORK.reading(good), end),
    repeated(() => WORK.executing(good), end),
  ]);
  return { posting, reading, executing };
}

async function repeated(call: () => Promise<number>, end: number): Promise<Calls> {
  const calls: Calls = { ms: [], refused: 0, failed: 0 };
  while (performance.now() < end) {
    const start = performance.now();
    const status = await call();
    calls.ms.push(performance.now() - start);
    if (status === 429) calls.refused += 1;
    else if (status >= 300) calls.failed += 1;
  }
  return calls;
}

/** Seconds until the API's memory is at most this again. */
async function memoryBack(
  run: LocalRun,
  data: string,
  mib: number,
  endedAt: number,
): Promise<number | undefined> {
  for (;;) {
    const seconds = Math.round((performance.now() - endedAt) / 1_000);
    if ((await memoryOf(run, data)).api <= mib) return seconds;
    if (seconds * 1_000 > MEMORY_BACK_MS) return undefined;
    await delay(1_000);
  }
}

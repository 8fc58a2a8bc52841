import { spawn } from 'node:child_process';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { cleanUp, type LocalRun, runCommand, startLocalRun, temporaryFolder } from '../support/local-run';
import { ATTACKS } from './attacks';
import { type Memory, memoryDuring } from './memory';
import { Tenant } from './tenant';

// `npm run noisy [seconds] [attack…]`: each attack of a bad tenant beside a good one, on a `npm start` of its own. What
// counts are the ratios: the good tenant's answers during the attack against those before it.

/** What the good tenant does, each one call after the other. */
const WORK = {
  posting: (good: Tenant) => good.post({ entity_type: 'note', who: 'good', this: 'x' }),
  reading: (good: Tenant) => good.get('/api/timeline?limit=20'),
  executing: (good: Tenant) => good.execute('return 1;'),
} as const;

interface Calls {
  readonly ms: number[];
  failed: number;
}

type Measured = Readonly<Record<keyof typeof WORK, Calls>>;

async function main([seconds = '10', ...names]: readonly string[]): Promise<void> {
  const ms = Number(seconds) * 1_000;
  if (!(ms > 0)) throw new Error('usage: npm run noisy [seconds for each attack] [attack…]');
  const chosen = names.length === 0 ? Object.keys(ATTACKS) : names;
  console.log(
    'p50/p99 of the good tenant in ms, before · during · after; what failed of it; the most memory in each',
  );
  for (const name of chosen) {
    if (!(name in ATTACKS))
      throw new Error(`${name} is no attack; there are ${Object.keys(ATTACKS).join(', ')}`);
    console.log(await beside(name, ms));
  }
}

/** One attack on a fresh ledger. */
async function beside(name: string, ms: number): Promise<string> {
  const data = await temporaryFolder();
  try {
    const run = await startLocalRun(data);
    const good = await tenantOf(run, data, 'good');
    const bad = await tenantOf(run, data, 'bad');
    for (const work of Object.values(WORK)) await work(good);
    const measured = (phaseMs: number) => memoryDuring(run, data, measure(good, phaseMs));
    const before = await measured(ms / 2);
    const attacker = spawn(
      process.execPath,
      [...process.execArgv, path.join(__dirname, 'attacker.ts'), name],
      {
        env: { ...process.env, NOISY_URL: bad.url, NOISY_TOKEN: bad.token },
        stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      },
    );
    await new Promise((resolve, reject) => {
      attacker.once('message', resolve);
      attacker.once('exit', () => reject(new Error(`${name} ended before it began`)));
    });
    const during = await measured(ms);
    attacker.kill('SIGKILL');
    await delay(5_000);
    const after = await measured(ms / 2);
    await run.stop();
    return lineOf(name, [before, during, after]);
  } finally {
    await cleanUp(data);
  }
}

async function tenantOf(run: LocalRun, data: string, tenant: string): Promise<Tenant> {
  const { stdout } = await runCommand(['token', '--user', tenant, '--tenant', tenant], {
    env: { LOGLINE_DATA: data },
  });
  const token = stdout.split('\n').find((line) => line.startsWith('ey'));
  if (token === undefined) throw new Error(`no token: ${stdout}`);
  return new Tenant(run.url, token);
}

async function measure(good: Tenant, ms: number): Promise<Measured> {
  const end = performance.now() + ms;
  const entries = Object.entries(WORK).map(async ([name, work]) => {
    const calls: Calls = { ms: [], failed: 0 };
    while (performance.now() < end) {
      const start = performance.now();
      const status = await work(good);
      calls.ms.push(performance.now() - start);
      if (status >= 300) calls.failed += 1;
    }
    return [name, calls] as const;
  });
  return Object.fromEntries(await Promise.all(entries)) as unknown as Measured;
}

interface Phase {
  readonly result: Measured;
  readonly most: Memory;
}

function lineOf(name: string, phases: readonly Phase[]): string {
  const works = (Object.keys(WORK) as (keyof Measured)[]).map((work) => {
    const figures = phases.map(
      ({ result }) => `${quantile(result[work].ms, 0.5)}/${quantile(result[work].ms, 0.99)}`,
    );
    const failed = phases.map(({ result }) => result[work].failed).join(' ');
    return `  ${work.padEnd(9)} ${figures.join(' · ').padEnd(40)} failed ${failed}`;
  });
  const memory = (['api', 'kernels', 'postgres'] as const).map(
    (program) => `${program} ${phases.map(({ most }) => most[program]).join(' · ')}`,
  );
  return [name, ...works, `  MiB       ${memory.join(', ')}`].join('\n');
}

function quantile(values: readonly number[], share: number): string {
  const sorted = [...values].sort((one, other) => one - other);
  const value = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
  return value === undefined ? '-' : value.toFixed(value < 10 ? 1 : 0);
}

main(process.argv.slice(2)).catch((error) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});

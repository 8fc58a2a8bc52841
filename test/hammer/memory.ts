import { readdir, readFile } from 'node:fs/promises';
import { type LocalRun, processesNaming } from '../support/local-run';

const KIB_PER_MIB = 1024;
const SAMPLED_EVERY_MS = 500;

/** Memory of a local run by program, in MiB; shared pages count once. */
export interface Memory {
  readonly api: number;
  readonly kernels: number;
  readonly postgres: number;
}

/** Peak memory of each program during `work`. */
export async function memoryDuring<T>(
  run: LocalRun,
  data: string,
  work: Promise<T>,
): Promise<{ readonly result: T; readonly most: Memory }> {
  let most = await memoryOf(run, data);
  const timer = setInterval(async () => {
    const now = await memoryOf(run, data);
    most = {
      api: Math.max(most.api, now.api),
      kernels: Math.max(most.kernels, now.kernels),
      postgres: Math.max(most.postgres, now.postgres),
    };
  }, SAMPLED_EVERY_MS);
  try {
    return { result: await work, most };
  } finally {
    clearInterval(timer);
  }
}

/** Current memory of each program. */
export async function memoryOf(run: LocalRun, data: string): Promise<Memory> {
  const named = (await processesNaming(data)).filter((pid) => pid !== run.pid);
  const kernels: number[] = [];
  for (const pid of named) {
    const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (command.split('\0').includes('kernels')) kernels.push(pid);
  }
  const others = named.filter((pid) => !kernels.includes(pid));
  return {
    api: await sumOf([run.pid]),
    kernels: await sumOf(kernels),
    postgres: await sumOf([...others, ...(await childrenOf(others))]),
  };
}

/** Child processes; the back ends of a server do not name its folder. */
async function childrenOf(parents: readonly number[]): Promise<number[]> {
  const found: number[] = [];
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const stat = await readFile(`/proc/${name}/stat`, 'utf8').catch(() => '');
    const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
    if (parents.includes(parent) && !parents.includes(Number(name))) found.push(Number(name));
  }
  return found;
}

async function sumOf(pids: readonly number[]): Promise<number> {
  let kib = 0;
  for (const pid of pids) {
    const rollup = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8').catch(() => '');
    kib += Number(/^Pss: +(\d+) kB/m.exec(rollup)?.[1] ?? 0);
  }
  return Math.round(kib / KIB_PER_MIB);
}

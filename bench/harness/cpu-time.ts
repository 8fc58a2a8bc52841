import { readdirSync, readFileSync } from 'node:fs';

/** Linux counts processor time in ticks of 1/100 s for every architecture that Node runs on. */
const TICK_SECONDS = 0.01;

interface ProcessTimes {
  readonly parent: number;
  readonly seconds: number;
  /** Of children that have ended. */
  readonly childSeconds: number;
}

/**
 * Processor seconds that a PostgreSQL server has used so far: its postmaster and all its backends, also those
 * that have ended. Undefined where there is no /proc.
 */
export function serverCpuSeconds(postmaster: number): number | undefined {
  const own = timesOf(postmaster);
  if (own === undefined) return undefined;
  let seconds = own.seconds + own.childSeconds;
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const times = timesOf(Number(name));
    if (times?.parent === postmaster) seconds += times.seconds;
  }
  return seconds;
}

/**
 * Milliseconds that a process has had a processor so far, not counting what it waited for one while others ran (first
 * field of /proc/pid/schedstat, in nanoseconds). Undefined where there is none.
 */
export function processCpuMs(pid: number): number | undefined {
  try {
    return Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[0]) / 1e6;
  } catch {
    return undefined;
  }
}

/** See proc(5), /proc/pid/stat: the second field may hold spaces, so fields are counted behind its bracket. */
function timesOf(pid: number): ProcessTimes | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = text
      .slice(text.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    const [, parent = 0] = fields;
    const [user = 0, system = 0, childUser = 0, childSystem = 0] = fields.slice(11, 15);
    return {
      parent,
      seconds: (user + system) * TICK_SECONDS,
      childSeconds: (childUser + childSystem) * TICK_SECONDS,
    };
  } catch {
    return undefined;
  }
}

import { readdirSync, readFileSync } from 'node:fs';

/** Linux's clock tick, 1/100 s on every architecture that Node runs on. */
const TICK_SECONDS = 0.01;

interface ProcessTimes {
  readonly parent: number;
  readonly seconds: number;
  /** Processor seconds of ended children. */
  readonly childSeconds: number;
}

/**
 * Processor seconds of a process and all its descendants so far, including ended ones. Undefined without /proc.
 */
export function treeCpuSeconds(root: number): number | undefined {
  const own = timesOf(root);
  if (own === undefined) return undefined;
  const all = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => ({ pid: Number(name), times: timesOf(Number(name)) }));
  const below = (pid: number, { seconds, childSeconds }: ProcessTimes): number =>
    all.reduce(
      (sum, { pid: child, times }) => (times?.parent === pid ? sum + below(child, times) : sum),
      seconds + childSeconds,
    );
  return below(root, own);
}

/**
 * Milliseconds that a process has run on a processor so far, from the first field of /proc/pid/schedstat. Undefined
 * without it.
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

import { execFileSync } from 'node:child_process';
import { arch, cpus, loadavg, release, totalmem, type } from 'node:os';
import { version as projectVersion } from '../../package.json';

/** The machine that figures depend on. */
export interface Machine {
  readonly date: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly system: string;
  readonly node: string;
  readonly logline: string;
  readonly commit: string | null;
  /** Load average of the minute before the run; more than a fraction of a core distorts figures. */
  readonly loadBefore: number;
  readonly command: string;
}

/** Describes this machine and the program's version. */
export function describeMachine(args: readonly string[]): Machine {
  const cores = cpus();
  return {
    date: new Date().toISOString().slice(0, 10),
    cpu: cores[0]?.model.trim() ?? 'unknown',
    cores: cores.length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${release()} ${arch()}`,
    node: process.version,
    logline: projectVersion,
    commit: commitOf(),
    loadBefore: Math.round((loadavg()[0] ?? 0) * 10) / 10,
    command: ['npm run bench', ...(args.length > 0 ? ['--', ...args] : [])].join(' '),
  };
}

function commitOf(): string | null {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8', stdio: 'pipe' }).trim();
  } catch {
    return null;
  }
}

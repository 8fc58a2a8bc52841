import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import type { Tenant } from './tenant';

const TYPESCRIPT = path.join(__dirname, '..', '..', 'cli', 'register-typescript.js');
/** Time limit in milliseconds for preparing; calls begun by then are the attack. */
const BEGUN_WITHIN_MS = 30_000;
/** Milliseconds, longer than the longest round. */
const MAX_MS = 15 * 60_000;

export interface RunningAttack {
  readonly pid: number | undefined;
  /** Ends it and waits for its end. */
  stop(): Promise<void>;
}

/**
 * Starts an attack in a process of its own; resolves once it runs, and after `begunWithinMs` at the latest.
 * @throws Error when its process ends first
 */
export async function startAttack(
  name: string,
  bad: Tenant,
  { begunWithinMs = BEGUN_WITHIN_MS, maxMs = MAX_MS, others = [] as readonly Tenant[] } = {},
): Promise<RunningAttack> {
  const child = spawn(
    process.execPath,
    ['--require', TYPESCRIPT, path.join(__dirname, 'attacker.ts'), name],
    {
      env: {
        ...process.env,
        NOISY_URL: bad.url,
        NOISY_TOKEN: [bad, ...others].map(({ token }) => token).join(','),
        NOISY_MAX_MS: String(maxMs),
      },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    },
  );
  const killed = (): void => void child.kill('SIGKILL');
  process.once('exit', killed);
  const ended = once(child, 'exit').finally(() => process.off('exit', killed));
  await begun(child, name, begunWithinMs);
  return {
    pid: child.pid,
    async stop() {
      killed();
      await ended;
    },
  };
}

function begun(child: ChildProcess, name: string, withinMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, withinMs);
    const settle = (work: () => void): void => {
      clearTimeout(timer);
      work();
    };
    child.once('message', () => settle(resolve));
    child.once('exit', () => settle(() => reject(new Error(`${name} ended before it began`))));
  });
}

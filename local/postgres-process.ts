import { spawn } from 'node:child_process';
import path from 'node:path';
import type { Launcher } from './unprivileged-user';

const KEPT_OUTPUT_CHARS = 16_384;

/** Fixed environment of the server, since PGOPTIONS or LC_ALL of the caller would change its behaviour. */
const SERVER_ENV = { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' } as const;

/** The environment of PostgreSQL's programs. */
export function serverEnv(): NodeJS.ProcessEnv {
  return process.platform === 'win32' ? { ...process.env, LC_ALL: 'C' } : { ...SERVER_ENV };
}

/** Runs one of PostgreSQL's programs and returns the end of its output. */
export function runProgram(
  launcher: Launcher,
  program: string,
  args: readonly string[],
): Promise<{ code: number | null; output: string }> {
  const [command = program, ...rest] = [...launcher.prefix, program, ...args];
  return new Promise((resolve, reject) => {
    const child = spawn(command, rest, {
      cwd: path.parse(program).root,
      env: serverEnv(),
      stdio: ['ignore', 'pipe', 'pipe'],
      ...credentials(launcher),
    });
    let output = '';
    const keep = (chunk: Buffer): void => {
      output = (output + chunk.toString()).slice(-KEPT_OUTPUT_CHARS);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, output }));
  });
}

/** The user of a program, for `child_process.spawn`. */
export function credentials(launcher: Launcher): { uid?: number; gid?: number } {
  if (launcher.uid === undefined || launcher.gid === undefined) return {};
  return { uid: launcher.uid, gid: launcher.gid };
}

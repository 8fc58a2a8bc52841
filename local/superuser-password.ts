import { spawn } from 'node:child_process';
import { OperatorError } from './operator-error';
import { findPostgresBinaries } from './postgres-binaries';
import { reachableBinaries } from './postgres-copy';
import { credentials, serverEnv } from './postgres-process';
import { settleOrphan } from './postmaster';
import { dataLauncher, serverUser } from './unprivileged-user';

/**
 * Resets the superuser's password of a stopped cluster, after keys.json was lost. PostgreSQL's single-user mode needs no
 * password, only write access to the files.
 * @param password hexadecimal digits
 * @throws OperatorError when single-user mode does not start
 */
export async function resetSuperuserPassword(dataDir: string, password: string): Promise<void> {
  if (!/^[0-9a-f]+$/.test(password)) throw new TypeError('the password must be hexadecimal digits');
  await settleOrphan(dataDir);
  const user = await serverUser(dataDir);
  const npmBinaries = await findPostgresBinaries();
  const { postgres } = user ? await reachableBinaries(npmBinaries, user) : npmBinaries;
  const launcher = await dataLauncher(user, dataDir);
  const args = ['--single', '-D', dataDir, '-c', 'password_encryption=scram-sha-256', 'postgres'];
  const [command = postgres, ...rest] = [...launcher.prefix, postgres, ...args];
  const child = spawn(command, rest, {
    cwd: '/',
    env: serverEnv(),
    stdio: ['pipe', 'pipe', 'pipe'],
    ...credentials(launcher),
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-4_096);
    });
  }
  child.stdin.on('error', () => undefined);
  child.stdin.end(`ALTER ROLE postgres PASSWORD '${password}'\n`);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code === 0 && !/\b(ERROR|FATAL|PANIC):/.test(output)) return;
  throw new OperatorError(`PostgreSQL could not open ${dataDir} to set a password: ${lastLine(output)}`);
}

function lastLine(output: string): string {
  return output.trim().split('\n').at(-1) ?? '';
}

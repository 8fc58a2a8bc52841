import { execFile } from 'node:child_process';
import { access, rm } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const ROOT = path.resolve(__dirname, '..', '..');
const NEEDED = ['blake3==1.0.11', 'cryptography==50.0.2'];

/** A Python that has what `clients/python` needs, or why there is none. */
export type Python = { readonly path: string } | { readonly missing: string };

/**
 * The machine's Python, or a virtual environment under `.build` that is made once. Without Python 3.11, or without a
 * package index to fetch two packages from, there is none.
 */
export async function findPython(): Promise<Python> {
  const base = 'python3';
  const version = await run(base, ['-c', 'import sys; print(sys.version_info >= (3, 11))']).catch(
    () => undefined,
  );
  if (version?.stdout.trim() !== 'True') return { missing: 'Python 3.11' };
  if (await hasPackages(base)) return { path: base };
  const folder = path.join(ROOT, '.build', 'python');
  const own = path.join(folder, 'bin', 'python');
  if (
    !(await access(own).then(
      () => true,
      () => false,
    )) ||
    !(await hasPackages(own))
  ) {
    try {
      await run(base, ['-m', 'venv', folder]);
      const install = ['-m', 'pip', 'install', '--quiet', '--retries', '0', '--timeout', '10', ...NEEDED];
      await run(own, install, { timeout: 90_000 });
    } catch {
      await rm(folder, { recursive: true, force: true });
      return { missing: `the Python packages ${NEEDED.join(' and ')}, and no index to fetch them from` };
    }
  }
  return { path: own };
}

async function hasPackages(python: string): Promise<boolean> {
  return run(python, ['-c', 'import blake3, cryptography']).then(
    () => true,
    () => false,
  );
}

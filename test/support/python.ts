import { execFile } from 'node:child_process';
import { access, rm } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const ROOT = path.resolve(__dirname, '..', '..');

/** Python packages, and a check that they are installed. */
export interface PythonPackages {
  /** Folder below `.build` of a virtual environment that has them. */
  readonly folder: string;
  /** Requirements for pip. */
  readonly packages: readonly string[];
  /** A line that fails without them. */
  readonly check: string;
}

/** What `clients/python` needs. */
const CLIENT: PythonPackages = {
  folder: 'python',
  packages: ['blake3==1.0.11', 'cryptography==50.0.2'],
  check: 'import blake3, cryptography',
};

/** A Python with the packages, or the reason why there is none. */
export type Python = { readonly path: string } | { readonly missing: string };

/**
 * The machine's Python, or a virtual environment under `.build`, created once. Needs Python 3.11 and a package index.
 * @param needed defaults to the requirements of `clients/python`
 */
export async function findPython(needed: PythonPackages = CLIENT): Promise<Python> {
  const base = 'python3';
  const version = await run(base, ['-c', 'import sys; print(sys.version_info >= (3, 11))']).catch(
    () => undefined,
  );
  if (version?.stdout.trim() !== 'True') return { missing: 'Python 3.11' };
  if (await hasPackages(base, needed)) return { path: base };
  const folder = path.join(ROOT, '.build', needed.folder);
  const own = path.join(folder, 'bin', 'python');
  if (
    !(await access(own).then(
      () => true,
      () => false,
    )) ||
    !(await hasPackages(own, needed))
  ) {
    try {
      await run(base, ['-m', 'venv', folder]);
      const install = [
        '-m',
        'pip',
        'install',
        '--quiet',
        '--retries',
        '0',
        '--timeout',
        '10',
        ...needed.packages,
      ];
      await run(own, install, { timeout: 120_000 });
    } catch {
      await rm(folder, { recursive: true, force: true });
      return {
        missing: `the Python packages ${needed.packages.join(' and ')}, and no index to fetch them from`,
      };
    }
  }
  return { path: own };
}

async function hasPackages(python: string, { check }: PythonPackages): Promise<boolean> {
  return run(python, ['-c', check]).then(
    () => true,
    () => false,
  );
}

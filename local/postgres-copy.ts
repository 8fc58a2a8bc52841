import { createHash, type Hash } from 'node:crypto';
import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  realpath,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { OperatorError, oneLine, systemErrorCode } from './operator-error';
import { binariesIn, POSTGRES_MAJOR, type PostgresBinaries } from './postgres-binaries';
import { runProgram } from './postgres-process';
import { firstForbidden, launcherOf, type ServerUser } from './unprivileged-user';

/** Folders for copies in order of preference: one that survives a reboot, then one that every machine has. */
export function copyHomes(): readonly string[] {
  return ['/var/lib/logline', path.join(tmpdir(), 'logline-programs')];
}

const OTHERS_MAY_WRITE = 0o022;
const STICKY = 0o1000;
/** Age in milliseconds at which a temporary copy counts as abandoned. */
const STALE_DRAFT_MS = 60 * 60 * 1000;
const DRAFT = '.draft-';

/**
 * Returns PostgreSQL programs that `user` can run: `binaries`, or a copy when they lie below a folder that the user may not
 * enter, such as root's home. PostgreSQL finds its own programs with access(2), which ignores capabilities.
 *
 * A copy is named by a hash of its content, belongs to root, and is compared with the original on every start. It is
 * renamed into place, so that several processes may copy at once.
 *
 * @param homes folders for copies, in order of preference; only those that root alone can write to are used
 * @param onProgress called with the place of the copy
 * @throws OperatorError when no folder is usable
 */
export async function reachableBinaries(
  binaries: PostgresBinaries,
  user: ServerUser,
  onProgress: (message: string) => void = () => undefined,
  homes: readonly string[] = copyHomes(),
): Promise<PostgresBinaries> {
  const forbidden = await firstForbidden(user, [
    binaries.initdb,
    binaries.postgres,
    path.join(binaries.folder, 'lib'),
    path.join(binaries.folder, 'share'),
  ]);
  if (forbidden === undefined) return binaries;
  const name = await nameOf(binaries.folder);
  const faults: string[] = [];
  for (const home of homes) {
    try {
      const copy = binariesIn(await copyInto(await safeHome(home), binaries.folder, name));
      await tryOut(copy, user);
      onProgress(`PostgreSQL runs from ${copy.folder}: its user may not enter ${forbidden}`);
      return copy;
    } catch (error) {
      faults.push(`${home}: ${oneLine(error)}`);
    }
  }
  throw new OperatorError(
    `PostgreSQL does not run as root, user id ${user.uid} may not enter ${forbidden}, and its programs could not be copied elsewhere (${faults.join('; ')}); start LogLine as an ordinary user or clone it into a folder that others may enter`,
  );
}

/** Creates `home` if it is missing; returns its real path after checking that only root can change or replace it. */
async function safeHome(home: string): Promise<string> {
  await mkdir(home, { mode: 0o755 }).then(
    () => chmod(home, 0o755), // regardless of the umask
    (error: unknown) => {
      if (systemErrorCode(error) !== 'EEXIST') throw error;
    },
  );
  const own = await lstat(home);
  if (!own.isDirectory()) throw new Error('it is not a folder');
  if (own.uid !== 0 || (own.mode & OTHERS_MAY_WRITE) !== 0)
    throw new Error('users other than root may write to it');
  const real = await realpath(home);
  for (let folder = path.dirname(real); ; folder = path.dirname(folder)) {
    const { uid, mode } = await stat(folder);
    // In a sticky folder such as /tmp, only owners may rename entries.
    if (uid !== 0 || ((mode & OTHERS_MAY_WRITE) !== 0 && (mode & STICKY) === 0))
      throw new Error(`users other than root may write to ${folder}`);
    if (folder === path.dirname(folder)) return real;
  }
}

/** Returns the copy's folder; creates it if it is missing or damaged. */
async function copyInto(home: string, source: string, name: string): Promise<string> {
  const place = path.join(home, name);
  if (await isCopy(place, name)) return place;
  const isDamaged = (await lstat(place).catch(ignoring('ENOENT'))) !== undefined;
  await removeStaleDrafts(home);
  const draft = await mkdtemp(path.join(home, `${name}${DRAFT}`));
  try {
    const whole = path.join(draft, 'whole');
    await copyFolder(source, whole);
    if (!(await isCopy(whole, name))) throw new Error('what was copied there differs from the original');
    if (isDamaged) await rename(place, path.join(draft, 'damaged')).catch(ignoring('ENOENT'));
    // Another process may have renamed its copy first.
    await rename(whole, place).catch(ignoring('EEXIST', 'ENOTEMPTY'));
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  if (!(await isCopy(place, name))) throw new Error(`the copy ${place} is damaged; remove it`);
  return place;
}

async function isCopy(folder: string, name: string): Promise<boolean> {
  try {
    return name === (await nameOf(folder, 0));
  } catch {
    return false;
  }
}

function ignoring(...codes: readonly string[]): (error: unknown) => undefined {
  return (error) => {
    if (!codes.includes(systemErrorCode(error) ?? '')) throw error;
    return undefined;
  };
}

async function removeStaleDrafts(home: string): Promise<void> {
  for (const name of await readdir(home)) {
    if (!name.includes(DRAFT)) continue;
    const draft = path.join(home, name);
    const made = (await stat(draft).catch(() => undefined))?.mtimeMs ?? 0;
    if (Date.now() - made > STALE_DRAFT_MS) await rm(draft, { recursive: true, force: true });
  }
}

/** Copies with explicit modes, since a umask may have made the originals private. */
async function copyFolder(source: string, target: string): Promise<void> {
  await mkdir(target);
  await chmod(target, 0o755);
  for (const entry of await readdir(source, { withFileTypes: true })) {
    const [from, to] = [path.join(source, entry.name), path.join(target, entry.name)];
    if (entry.isDirectory()) await copyFolder(from, to);
    else if (entry.isSymbolicLink()) await symlink(await readlink(from), to);
    else if (entry.isFile()) {
      await writeFile(to, await readFile(from));
      await chmod(to, (await stat(from)).mode & 0o100 ? 0o755 : 0o644);
    }
  }
}

/**
 * The name of a copy: SHA-256 over names, kinds and sizes of everything in the folder and over the programs' contents.
 * Reading 60 MB of libraries as well would cost every start most of a second.
 * @param owner refuses files of other users or writable by others; undefined skips the check
 */
async function nameOf(folder: string, owner?: number): Promise<string> {
  const hash = createHash('sha256');
  await hashFolder(hash, folder, owner);
  return `postgres-${POSTGRES_MAJOR}-${hash.digest('hex').slice(0, 32)}`;
}

async function hashFolder(hash: Hash, folder: string, owner: number | undefined): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true });
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const place = path.join(folder, entry.name);
    const { uid, mode, size } = await lstat(place);
    if (owner !== undefined && (uid !== owner || (!entry.isSymbolicLink() && mode & OTHERS_MAY_WRITE)))
      throw new Error(`other users may write to ${place}`);
    if (entry.isDirectory()) {
      hash.update(`folder ${JSON.stringify(entry.name)}\n`);
      await hashFolder(hash, place, owner);
      hash.update('end\n');
    } else if (entry.isSymbolicLink()) {
      hash.update(`link ${JSON.stringify([entry.name, await readlink(place)])}\n`);
    } else if (entry.isFile()) {
      const isProgram = (mode & 0o100) !== 0;
      hash.update(`file ${JSON.stringify([entry.name, size, isProgram])}\n`);
      if (isProgram) hash.update(await readFile(place));
    }
  }
}

/** Runs a program as a test: the file system may be `noexec`, or access may be denied in ways no mode shows. */
async function tryOut(binaries: PostgresBinaries, user: ServerUser): Promise<void> {
  const { code, output } = await runProgram(launcherOf(user), binaries.postgres, ['--version']);
  if (code !== 0) throw new Error(`programs do not run there (${output.trim() || `exit code ${code}`})`);
}

import { constants } from 'node:fs';
import { access, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { OperatorError } from './operator-error';

/** How to start a PostgreSQL program: command prefix and user. */
export interface Launcher {
  /** Command prefix; empty when the program is started directly. */
  readonly prefix: readonly string[];
  /** For `child_process.spawn`; undefined keeps the current user. */
  readonly uid: number | undefined;
  readonly gid: number | undefined;
  /** Owner of files that the program creates; undefined for the current user. */
  readonly owner: ServerUser | undefined;
}

const SETPRIV = '/usr/bin/setpriv';
/** Bit of CAP_DAC_OVERRIDE in the masks of /proc/self/status, see capabilities(7). */
const CAP_DAC_OVERRIDE = 1n << 1n;

/** A user that PostgreSQL runs as. */
export interface ServerUser {
  readonly uid: number;
  readonly gid: number;
}

/**
 * The user for PostgreSQL when this process is root's, since PostgreSQL refuses to run as root: the owner of `dataDir` if
 * it exists and is not root, else `postgres`, else `nobody`. No user is created.
 *
 * @returns undefined when this process is not root's; the server then runs as the same user
 * @throws OperatorError when no such user exists
 */
export async function serverUser(dataDir: string): Promise<ServerUser | undefined> {
  if (process.platform === 'win32' || process.getuid?.() !== 0) return undefined;
  const user = (await nonRootOwner(dataDir)) ?? (await findUser(['postgres', 'nobody']));
  if (user !== undefined) return user;
  throw new OperatorError(
    'PostgreSQL does not run as root and this machine has neither a user "postgres" nor "nobody"; start LogLine as an ordinary user',
  );
}

/** Launches a program as `user` without capabilities; undefined is the current user. */
export function launcherOf(user: ServerUser | undefined): Launcher {
  return { prefix: [], uid: user?.uid, gid: user?.gid, owner: user };
}

/**
 * Launches a program as `user` so that it can use `dataDir`.
 *
 * The user often cannot enter the folder, such as a clone under /root or a `mktemp -d` folder. Instead of changing modes,
 * the server gets CAP_DAC_OVERRIDE as its only capability through setpriv(1), less than root has.
 *
 * @throws OperatorError that names the inaccessible folder when the capability cannot be granted
 */
export async function dataLauncher(user: ServerUser | undefined, dataDir: string): Promise<Launcher> {
  const launcher = launcherOf(user);
  if (user === undefined) return launcher;
  const forbidden = await firstForbidden(user, [path.dirname(dataDir)]);
  if (forbidden === undefined) return launcher;
  if (!(await canLendDacOverride())) {
    throw new OperatorError(
      `PostgreSQL does not run as root, and user id ${user.uid} may not enter ${forbidden}, where its data is to go; set LOGLINE_DATA to a folder below ones that others may enter (LOGLINE_DATA=/var/lib/logline-data), or start LogLine as an ordinary user`,
    );
  }
  const prefix = [
    SETPRIV,
    `--reuid=${user.uid}`,
    `--regid=${user.gid}`,
    '--clear-groups',
    '--inh-caps=+dac_override',
    '--ambient-caps=+dac_override',
  ];
  return { ...launcher, prefix, uid: undefined, gid: undefined };
}

async function nonRootOwner(dir: string): Promise<ServerUser | undefined> {
  try {
    const { uid, gid } = await stat(dir);
    return uid === 0 ? undefined : { uid, gid };
  } catch {
    return undefined;
  }
}

/** Reads /etc/passwd because initdb itself insists on an entry there. */
async function findUser(names: readonly string[]): Promise<ServerUser | undefined> {
  const passwd = await readFile('/etc/passwd', 'utf8').catch(() => '');
  const entries = passwd.split('\n').map((line) => line.split(':'));
  for (const name of names) {
    const entry = entries.find((fields) => fields[0] === name);
    const uid = Number(entry?.[2]);
    const gid = Number(entry?.[3]);
    if (Number.isInteger(uid) && Number.isInteger(gid) && uid > 0) return { uid, gid };
  }
  return undefined;
}

/** The first of `paths` or their parent folders that `user` may not enter or run; undefined when there is none. */
export async function firstForbidden(
  user: ServerUser,
  paths: readonly string[],
): Promise<string | undefined> {
  for (const target of paths) {
    // From the root down, so that the message names the outermost inaccessible folder.
    for (const place of ancestry(path.resolve(target))) if (!(await mayEnter(user, place))) return place;
  }
  return undefined;
}

/** `/`, `/a`, `/a/b` for `/a/b`. */
function ancestry(place: string): string[] {
  const parent = path.dirname(place);
  return parent === place ? [place] : [...ancestry(parent), place];
}

async function mayEnter(user: ServerUser, place: string): Promise<boolean> {
  const { uid, gid, mode } = await stat(place);
  if (uid === user.uid) return (mode & constants.S_IXUSR) !== 0;
  if (gid === user.gid) return (mode & constants.S_IXGRP) !== 0;
  return (mode & constants.S_IXOTH) !== 0;
}

async function canLendDacOverride(): Promise<boolean> {
  try {
    await access(SETPRIV, constants.X_OK);
    const status = await readFile('/proc/self/status', 'utf8');
    const mask = /^CapBnd:\s*([0-9a-f]+)$/m.exec(status)?.[1];
    return mask !== undefined && (BigInt(`0x${mask}`) & CAP_DAC_OVERRIDE) !== 0n;
  } catch {
    return false;
  }
}

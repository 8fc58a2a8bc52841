import { constants } from 'node:fs';
import { access, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { OperatorError } from './operator-error';

/** How to start a PostgreSQL program: what to put before it, and as whom. */
export interface Launcher {
  /** Put before the program and its arguments; empty when the program is started directly. */
  readonly prefix: readonly string[];
  /** For `child_process.spawn`; undefined keeps the current user. */
  readonly uid: number | undefined;
  readonly gid: number | undefined;
  /** Who owns what the program creates; undefined when that is simply the current user. */
  readonly owner: { readonly uid: number; readonly gid: number } | undefined;
}

const SETPRIV = '/usr/bin/setpriv';
/** Bit of CAP_DAC_OVERRIDE in the masks of /proc/self/status, see capabilities(7). */
const CAP_DAC_OVERRIDE = 1n << 1n;

/**
 * PostgreSQL refuses to run as root, so root has to lend it another user: the owner of `dataDir` if it
 * exists and is not root, else `postgres`, else `nobody`. No user is created on the machine.
 *
 * That user often cannot reach the data or the programs (a checkout under /root, a `mktemp -d` folder).
 * Opening up those folders would be the wrong cure; instead the server gets CAP_DAC_OVERRIDE as its only
 * capability through setpriv(1), less than the root it was started by already had.
 *
 * @param paths files and folders that the program has to reach
 * @throws OperatorError when no such user exists or it cannot be given access
 */
export async function unprivilegedLauncher(dataDir: string, paths: readonly string[]): Promise<Launcher> {
  if (process.platform === 'win32' || process.getuid?.() !== 0) {
    return { prefix: [], uid: undefined, gid: undefined, owner: undefined };
  }
  const owner = (await nonRootOwner(dataDir)) ?? (await findUser(['postgres', 'nobody']));
  if (owner === undefined) {
    throw new OperatorError(
      'PostgreSQL does not run as root and this machine has neither a user "postgres" nor "nobody"; start LogLine as an ordinary user',
    );
  }
  const unreachable = await firstUnreachable(owner, paths);
  if (unreachable === undefined) return { prefix: [], ...owner, owner };
  if (!(await canLendDacOverride())) {
    throw new OperatorError(
      `PostgreSQL does not run as root, and user id ${owner.uid} may not enter ${unreachable}; start LogLine as an ordinary user or from a folder that others may enter`,
    );
  }
  const prefix = [
    SETPRIV,
    `--reuid=${owner.uid}`,
    `--regid=${owner.gid}`,
    '--clear-groups',
    '--inh-caps=+dac_override',
    '--ambient-caps=+dac_override',
  ];
  return { prefix, uid: undefined, gid: undefined, owner };
}

async function nonRootOwner(dir: string): Promise<{ uid: number; gid: number } | undefined> {
  try {
    const { uid, gid } = await stat(dir);
    return uid === 0 ? undefined : { uid, gid };
  } catch {
    return undefined;
  }
}

/** Reads /etc/passwd because initdb itself insists on an entry there. */
async function findUser(names: readonly string[]): Promise<{ uid: number; gid: number } | undefined> {
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

async function firstUnreachable(
  user: { uid: number; gid: number },
  paths: readonly string[],
): Promise<string | undefined> {
  for (const target of paths) {
    let folder = path.dirname(path.resolve(target));
    for (;;) {
      if (!(await mayEnter(user, folder))) return folder;
      const parent = path.dirname(folder);
      if (parent === folder) break;
      folder = parent;
    }
  }
  return undefined;
}

async function mayEnter(user: { uid: number; gid: number }, folder: string): Promise<boolean> {
  const { uid, gid, mode } = await stat(folder);
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

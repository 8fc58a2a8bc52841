import { writeFile } from 'node:fs/promises';
import { constants, getPriority, setPriority } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';

/** Linux lets a process without privileges change the niceness of one session each 0.1 s (sched_autogroup_set_nice). */
const TRIES = 20;
const PAUSE_MS = 150;

/**
 * Lets a process of this user yield the processors to others. Where Linux shares them between sessions first
 * (sched_autogroup, sched(7)), the niceness of a process counts within its session only, so its session gets it as well.
 * Does nothing to a process that has ended, and for the session where there is no such thing.
 * @param pid a process that leads a session of its own, before it starts threads, which inherit its niceness
 * @param niceness 1 to 19, added to this process's own
 */
export async function yieldProcessors(pid: number, niceness: number): Promise<void> {
  const own = Math.min(getPriority() + niceness, constants.priority.PRIORITY_LOW);
  try {
    setPriority(pid, own);
  } catch {
    return;
  }
  if (process.platform !== 'linux') return;
  for (let attempt = 0; attempt < TRIES; attempt += 1) {
    try {
      await writeFile(`/proc/${pid}/autogroup`, String(niceness), { flag: 'r+' });
      return;
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) return;
      await delay(PAUSE_MS, undefined, { ref: false });
    }
  }
}

import { renameSync, statSync } from 'node:fs';
import { SonicBoom } from 'sonic-boom';
import { createLogger, type Logger } from '../runtime/log/logger';
import { oneLine } from './operator-error';

/** Size in bytes at which the log is rotated. */
const MAX_LOG_BYTES = 10 * 1024 * 1024;
/** Number of rotated logs; `FILE.1` is the newest. */
export const OLDER_LOGS = 5;
const LOOK_MS = 1_000;

/** The structured log of a local run. It never contains span content, tokens or keys. */
export interface RunLog {
  readonly logger: Logger;
  close(): void;
}

/** Options of {@link openRunLog}. */
export interface RunLogOptions {
  /** Whether to rotate. Defaults to true; false for a second process on the same file, which follows the first. */
  readonly rotate?: boolean;
  /** Size at which to rotate, in bytes. Defaults to 10 MiB. */
  readonly maxBytes?: number;
  /** Interval of the size check in milliseconds. Defaults to 1,000. */
  readonly lookMs?: number;
}

/** Buffer in bytes while the disk is full; further lines are lost. */
const MAX_WAITING_BYTES = 1024 * 1024;

/**
 * Opens `file` for appending, one JSON object a line. The log is rotated while the run goes on, and five older files are
 * kept. A failing write, as on a full disk, does not stop the run: `onTrouble` is called once.
 */
export function openRunLog(
  file: string,
  onTrouble: (message: string) => void,
  { rotate = true, maxBytes = MAX_LOG_BYTES, lookMs = LOOK_MS }: RunLogOptions = {},
): RunLog {
  if (rotate && (statOf(file)?.size ?? 0) > maxBytes) moveAside(file);
  // Synchronous, so that the last lines before a crash are in the log.
  const destination = new SonicBoom({ dest: file, mode: 0o600, sync: true, maxLength: MAX_WAITING_BYTES });
  let isTold = false;
  const tell = (error: unknown): void => {
    if (!isTold) onTrouble(`cannot write ${file} (${oneLine(error)})`);
    isTold = true;
  };
  destination.on('error', tell);
  let inode = statOf(file)?.ino;
  const look = (): void => {
    try {
      const now = statOf(file);
      if (rotate && now !== undefined && now.size > maxBytes) moveAside(file);
      else if (now?.ino === inode) return;
      destination.reopen();
      inode = statOf(file)?.ino;
    } catch (error) {
      tell(error);
    }
  };
  const timer = setInterval(look, lookMs);
  timer.unref();
  return {
    logger: createLogger('logline', destination),
    close() {
      clearInterval(timer);
      destination.end();
    },
  };
}

function statOf(file: string): { readonly size: number; readonly ino: number } | undefined {
  return statSync(file, { throwIfNoEntry: false });
}

function moveAside(file: string): void {
  for (let number = OLDER_LOGS - 1; number >= 1; number -= 1) {
    if (statOf(`${file}.${number}`) !== undefined) renameSync(`${file}.${number}`, `${file}.${number + 1}`);
  }
  renameSync(file, `${file}.1`);
}

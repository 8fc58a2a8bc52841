import { renameSync, statSync } from 'node:fs';
import pino from 'pino';
import { createLogger, type Logger } from '../runtime/log/logger';
import { oneLine } from './operator-error';

const MAX_LOG_BYTES = 10 * 1024 * 1024;

/** The structured log of a local run. It never holds span content, tokens or keys. */
export interface RunLog {
  readonly logger: Logger;
  close(): void;
}

export interface RunLogOptions {
  /** Moves a long file aside first. Defaults to true; the second of two processes that write to one file must not. */
  readonly rotate?: boolean;
}

/** Lines that wait for a full disk to have room again; what is beyond is lost. */
const MAX_WAITING_BYTES = 1024 * 1024;

/**
 * Opens `file` for appending, one JSON object a line; one older file is kept. A log that cannot be written,
 * as on a full disk, is no reason to stop: `onTrouble` is told once.
 */
export function openRunLog(
  file: string,
  onTrouble: (message: string) => void,
  { rotate = true }: RunLogOptions = {},
): RunLog {
  if (rotate && (statSync(file, { throwIfNoEntry: false })?.size ?? 0) > MAX_LOG_BYTES)
    renameSync(file, `${file}.1`);
  // Written at once: a log that lacks the last lines before a crash is of no use.
  const destination = pino.destination({ dest: file, mode: 0o600, sync: true, maxLength: MAX_WAITING_BYTES });
  let isTold = false;
  destination.on('error', (error: Error) => {
    if (!isTold) onTrouble(`cannot write ${file} (${oneLine(error)})`);
    isTold = true;
  });
  return { logger: createLogger('logline', destination), close: () => destination.end() };
}

import { renameSync, statSync } from 'node:fs';
import pino from 'pino';
import { createLogger, type Logger } from '../runtime/log/logger';

const MAX_LOG_BYTES = 10 * 1024 * 1024;

/** The structured log of a local run. It never holds span content, tokens or keys. */
export interface RunLog {
  readonly logger: Logger;
  close(): void;
}

/** Opens `file` for appending, one JSON object a line; one older file is kept. */
export function openRunLog(file: string): RunLog {
  if ((statSync(file, { throwIfNoEntry: false })?.size ?? 0) > MAX_LOG_BYTES) renameSync(file, `${file}.1`);
  // Written at once: a log that lacks the last lines before a crash is of no use.
  const destination = pino.destination({ dest: file, mode: 0o600, sync: true });
  return { logger: createLogger('logline', destination), close: () => destination.end() };
}

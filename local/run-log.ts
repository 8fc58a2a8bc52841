import { renameSync, statSync } from 'node:fs';
import pino, { type Logger } from 'pino';

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
  const logger = pino(
    {
      base: { service: 'logline' },
      timestamp: pino.stdTimeFunctions.isoTime,
      messageKey: 'message',
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  );
  return { logger, close: () => destination.end() };
}

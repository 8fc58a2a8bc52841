import { DatabaseError } from 'pg';
import pino, { type DestinationStream, type Logger } from 'pino';

export type { Logger } from 'pino';

/**
 * JSON lines: what happened, for whom, how long it took. Never span content, tokens or keys; those are not
 * passed here in the first place.
 * @param destination defaults to standard output, where Lambda collects it
 */
export function createLogger(service: string, destination?: DestinationStream): Logger {
  return pino(
    {
      base: { service },
      level: logLevel(process.env.LOGLINE_LOG_LEVEL) ?? 'info',
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (level) => ({ level }) },
      serializers: { err: describeError },
    },
    destination ?? pino.destination({ dest: 1, sync: true }),
  );
}

/** What `LOGLINE_LOG_LEVEL` may be. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

/** The level of that name; undefined when there is none. */
export function logLevel(name: string | undefined): (typeof LOG_LEVELS)[number] | undefined {
  return LOG_LEVELS.find((level) => level === name);
}

/** A logger that says nothing, for tests and programs that only use the library. */
export function silentLogger(): Logger {
  return pino({ level: 'silent' });
}

/**
 * An error for the log. PostgreSQL puts values of the row into its messages, so of a database error only the
 * SQLSTATE and the names of schema objects are kept.
 */
export function describeError(error: unknown): object {
  if (error instanceof DatabaseError) {
    const { code, table, column, constraint, routine } = error;
    return { name: 'DatabaseError', code, table, column, constraint, routine };
  }
  if (!(error instanceof Error)) return { name: typeof error };
  return {
    name: error.name,
    message: error.message,
    ...('code' in error ? { code: error.code } : {}),
    stack: error.stack,
    ...(error.cause === undefined ? {} : { cause: describeError(error.cause) }),
  };
}

import { DatabaseError } from 'pg';

/** What `LOGLINE_LOG_LEVEL` may be. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

/** The level of that name; undefined when there is none. */
export function logLevel(name: string | undefined): (typeof LOG_LEVELS)[number] | undefined {
  return LOG_LEVELS.find((level) => level === name);
}

/** Writes a line: fields with a message, or a message alone. A field `err` is an error. */
export interface LogMethod {
  (fields: object, message?: string): void;
  (message: string): void;
}

export type Logger = Readonly<Record<'debug' | 'info' | 'warn' | 'error', LogMethod>>;

/** What takes the lines; it has to keep them itself when it cannot write them at once. */
export interface LogDestination {
  write(line: string): unknown;
}

/**
 * JSON lines: what happened, for whom, how long it took. Never span content, tokens or keys; those are not
 * passed here in the first place. `LOGLINE_LOG_LEVEL` is the mildest level written, `info` by default.
 * @param destination defaults to standard output, where Lambda collects it
 */
export function createLogger(service: string, destination: LogDestination = process.stdout): Logger {
  const mildest = LOG_LEVELS.indexOf(logLevel(process.env.LOGLINE_LOG_LEVEL) ?? 'info');
  const at = (level: keyof Logger): LogMethod => {
    if (LOG_LEVELS.indexOf(level) < mildest) return () => undefined;
    return (what: object | string, message?: string) => {
      const head = { level, time: new Date().toISOString(), service };
      const line = typeof what === 'string' ? lineOf(head, {}, what) : lineOf(head, what, message);
      destination.write(`${line}\n`);
    };
  };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

/** A logger that says nothing, for tests and programs that only use the library. */
export function silentLogger(): Logger {
  return createLogger('silent', { write: () => undefined });
}

function lineOf(head: object, fields: object, msg: string | undefined): string {
  try {
    const described = 'err' in fields ? { ...fields, err: describeError(fields.err) } : fields;
    return JSON.stringify({ ...head, ...described, msg });
  } catch {
    // A circle or a bigint has no JSON: the line loses its fields rather than the caller its work.
    return JSON.stringify({ ...head, msg, fields: 'not writable as JSON' });
  }
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

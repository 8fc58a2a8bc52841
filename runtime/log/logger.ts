import { DatabaseError } from 'pg';

/** Values of `LOGLINE_LOG_LEVEL`. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

/** The level of that name, or undefined. */
export function logLevel(name: string | undefined): (typeof LOG_LEVELS)[number] | undefined {
  return LOG_LEVELS.find((level) => level === name);
}

/** Writes a line: fields with a message, or a message alone. A field `err` is an error. */
export interface LogMethod {
  (fields: object, message?: string): void;
  (message: string): void;
}

export type Logger = Readonly<Record<'debug' | 'info' | 'warn' | 'error', LogMethod>>;

/** A sink of lines; it buffers those that it cannot write at once. */
export interface LogDestination {
  write(line: string): unknown;
}

/**
 * A logger that writes JSON lines. Callers never pass it span content, tokens or keys. `LOGLINE_LOG_LEVEL` is the lowest
 * level written; defaults to `info`.
 * @param service name of the program, in every line
 * @param destination defaults to standard output, which Lambda collects
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

/** A logger that writes nothing, for tests and programs that only use the library. */
export function silentLogger(): Logger {
  return createLogger('silent', { write: () => undefined });
}

function lineOf(head: object, fields: object, msg: string | undefined): string {
  try {
    const described = 'err' in fields ? { ...fields, err: describeError(fields.err) } : fields;
    return JSON.stringify({ ...head, ...described, msg });
  } catch {
    // A cycle or a bigint cannot be JSON: drop the fields rather than throw.
    return JSON.stringify({ ...head, msg, fields: 'not writable as JSON' });
  }
}

/**
 * An error as logged. PostgreSQL puts row values into its messages, so a database error is reduced to its SQLSTATE and the
 * names of schema objects.
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

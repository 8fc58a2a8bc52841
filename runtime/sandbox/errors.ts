import { LogLineError } from '../base/errors';

/** 503: the sandbox has no room for another run now. Carries `retryAfterSeconds`. */
export class SandboxBusyError extends LogLineError {
  readonly code = 'busy';
  readonly status = 503;
  readonly title = 'The sandbox is busy';
}

/** 400: SQL of user code that is not a single allowed query. The message says what was found and what is allowed. */
export class SqlRefusedError extends LogLineError {
  readonly code = 'sql_refused';
  readonly status = 400;
  readonly title = 'The SQL is refused';
}

/** @throws SqlRefusedError */
export function refuseSql(detail: string): never {
  throw new SqlRefusedError(`ctx.sql: ${detail}`);
}

import { DatabaseError } from 'pg';
import {
  ConflictError,
  ForbiddenError,
  InternalError,
  LogLineError,
  MalformedError,
  UnavailableError,
} from '../base/errors';

/** SQLSTATEs that the ledger's own triggers and functions raise (`sql/`). */
const VERSION_GAP = 'LL001';
const FOREIGN_OWNER = 'LL002';
const VERSION_FORK = 'LL003';
const APPEND_ONLY = 'LL004';
const OTHER_CONTENT = 'LL005';
const TENANT_FROZEN = 'LL006';
const TENANT_NOT_FROZEN = 'LL007';
/** The lease of this job's run has passed to another run. */
const LEASE_LOST = 'LL010';

/** PostgreSQL appendix A, "Error Codes". */
const UNIQUE_VIOLATION = '23505';
const INSUFFICIENT_PRIVILEGE = '42501';
export const QUERY_CANCELED = '57014';
/** The limit of temporary files. */
export const CONFIGURATION_LIMIT_EXCEEDED = '53400';
const LOCK_NOT_AVAILABLE = '55P03';
const SERIALIZATION = new Set(['40001', '40P01']);
/** Classes: connection exception, insufficient resources, operator intervention, system error. */
const UNAVAILABLE_CLASSES = new Set(['08', '53', '57', '58']);
/** Class: invalid authorization. It passes when a password rotation has ended, so the caller may retry. */
const AUTHENTICATION_CLASS = '28';
const RETRY_AFTER_S = 2;
const FROZEN_RETRY_AFTER_S = 30;

/** Whether a unique key was violated: any, or the one named `constraint`. */
export function isUniqueViolation(error: unknown, constraint?: string): boolean {
  return (
    error instanceof DatabaseError &&
    error.code === UNIQUE_VIOLATION &&
    (constraint === undefined || error.constraint === constraint)
  );
}

/** Whether the database refused a version because it leaves a gap or forks. */
export function isChainViolation(error: unknown): boolean {
  return error instanceof DatabaseError && (error.code === VERSION_GAP || error.code === VERSION_FORK);
}

/** Whether a span was refused because its tenant is being moved. */
export function isFrozen(error: unknown): boolean {
  return error instanceof DatabaseError && error.code === TENANT_FROZEN;
}

/** Whether a statement waited for a lock for longer than it may. */
export function isLockTimeout(error: unknown): boolean {
  return error instanceof DatabaseError && error.code === LOCK_NOT_AVAILABLE;
}

/** Whether the error came from the database server itself, which is therefore reachable. */
export function isAnswer(error: unknown): boolean {
  return error instanceof LogLineError ? isAnswer(error.cause) : error instanceof DatabaseError;
}

/** Whether the database ended a statement at a limit: the statement timeout, or the role's temporary files. */
export function isStatementLimit(error: unknown): boolean {
  if (error instanceof LogLineError) return isStatementLimit(error.cause);
  return (
    error instanceof DatabaseError &&
    (error.code === QUERY_CANCELED || error.code === CONFIGURATION_LIMIT_EXCEEDED)
  );
}

/** Whether the connection is lost or in an unknown state, so that it must not be used again. */
export function isConnectionLost(error: unknown): boolean {
  if (error instanceof LogLineError) return isConnectionLost(error.cause);
  if (error instanceof DatabaseError) {
    return error.code !== QUERY_CANCELED && ['08', '57'].includes(error.code?.slice(0, 2) ?? '');
  }
  return (
    error instanceof Error && (isSystemError(error) || /connection|timeout|terminated/i.test(error.message))
  );
}

/**
 * Maps a database failure to the error that the caller gets; other errors are returned unchanged. Names of tables,
 * roles and constraints stay in `cause`, which goes to the log only.
 */
export function asLogLineError(error: unknown): unknown {
  if (error instanceof DatabaseError) return fromSqlState(error);
  if (error instanceof Error && !(error instanceof LogLineError) && isConnectionLost(error)) {
    return new UnavailableError('The database does not answer; try again in a moment.', {
      retryAfterSeconds: RETRY_AFTER_S,
      cause: error,
    });
  }
  return error;
}

function fromSqlState(error: DatabaseError): LogLineError {
  const code = error.code ?? '';
  const extras = { cause: error };
  if (code === VERSION_GAP) {
    return new ConflictError(
      'There is no version before this seq that you can follow; read the entity for its newest seq.',
      extras,
    );
  }
  if (code === FOREIGN_OWNER) {
    return new ForbiddenError('Only the owner of an entity may append a version to it.', extras);
  }
  if (code === VERSION_FORK) {
    return new ConflictError(
      'prev_hash is not the curr_hash of the version before; read the newest version and follow that.',
      extras,
    );
  }
  if (code === LEASE_LOST) {
    return new UnavailableError('Another run of this job has taken over; this one stops writing.', extras);
  }
  if (code === APPEND_ONLY) return new ForbiddenError('The ledger is append-only.', extras);
  if (code === TENANT_FROZEN) {
    return new UnavailableError('The tenant is frozen while it is moved: it can be read, not written.', {
      ...extras,
      retryAfterSeconds: FROZEN_RETRY_AFTER_S,
    });
  }
  if (code === TENANT_NOT_FROZEN) {
    return new ConflictError(
      'Work moves only while its tenant is frozen: npx logline freeze --tenant T.',
      extras,
    );
  }
  if (code === UNIQUE_VIOLATION || code === OTHER_CONTENT) {
    return new ConflictError('This id and seq are taken by other content.', extras);
  }
  if (code === INSUFFICIENT_PRIVILEGE) {
    return new ForbiddenError('A span can be written only as oneself in one’s own tenant.', extras);
  }
  if (code === QUERY_CANCELED) {
    return new UnavailableError('The database took too long; try again or ask for less.', {
      ...extras,
      retryAfterSeconds: RETRY_AFTER_S,
    });
  }
  if (code === LOCK_NOT_AVAILABLE || SERIALIZATION.has(code) || code.startsWith(AUTHENTICATION_CLASS)) {
    return new UnavailableError('The database is busy; try again in a moment.', {
      ...extras,
      retryAfterSeconds: RETRY_AFTER_S,
    });
  }
  if (UNAVAILABLE_CLASSES.has(code.slice(0, 2))) {
    return new UnavailableError('The database does not answer; try again in a moment.', {
      ...extras,
      retryAfterSeconds: RETRY_AFTER_S,
    });
  }
  // Class 22, data exception: the caller's input does not fit the type.
  if (code.startsWith('22')) return new MalformedError('A value cannot be stored as it was sent.', extras);
  return new InternalError('Something went wrong on our side; it has been logged.', extras);
}

function isSystemError(error: Error): boolean {
  const code = 'code' in error ? error.code : undefined;
  return typeof code === 'string' && /^(E[A-Z]+|CERT_|ERR_SSL|UNABLE_TO)/.test(code);
}

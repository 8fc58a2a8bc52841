import { DatabaseError } from 'pg';
import {
  ConflictError,
  ForbiddenError,
  InternalError,
  LogLineError,
  MalformedError,
  UnavailableError,
} from '../base/errors';

/** SQLSTATEs of sql/000003 and 000004. */
const VERSION_GAP = 'LL001';
const FOREIGN_OWNER = 'LL002';
const VERSION_FORK = 'LL003';
const APPEND_ONLY = 'LL004';
/** A run of a job whose lease another one has; see hold_job. */
const LEASE_LOST = 'LL010';
/** SQLSTATEs of sql/000051 and 000050. */
const OTHER_CONTENT = 'LL005';
const TENANT_FROZEN = 'LL006';
/** SQLSTATE of sql/000072. */
const TENANT_NOT_FROZEN = 'LL007';

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
/** Authentication: while a password rotates the caller can only wait. */
const AUTHENTICATION_CLASS = '28';
const RETRY_AFTER_S = 2;
const FROZEN_RETRY_AFTER_S = 30;

/** True when the SQLSTATE says that a unique key was taken; `constraint` narrows to one key. */
export function isUniqueViolation(error: unknown, constraint?: string): boolean {
  return (
    error instanceof DatabaseError &&
    error.code === UNIQUE_VIOLATION &&
    (constraint === undefined || error.constraint === constraint)
  );
}

/** True when the database says that a version leaves a gap or forks. */
export function isChainViolation(error: unknown): boolean {
  return error instanceof DatabaseError && (error.code === VERSION_GAP || error.code === VERSION_FORK);
}

/** True when the database itself said so: it is there. */
export function isAnswer(error: unknown): boolean {
  return error instanceof LogLineError ? isAnswer(error.cause) : error instanceof DatabaseError;
}

/** True when the database ended a statement that took too long, or more temporary files than its role may have. */
export function isStatementLimit(error: unknown): boolean {
  if (error instanceof LogLineError) return isStatementLimit(error.cause);
  return (
    error instanceof DatabaseError &&
    (error.code === QUERY_CANCELED || error.code === CONFIGURATION_LIMIT_EXCEEDED)
  );
}

/** True when the connection is gone or in doubt, so that it must not be used again. */
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
 * What a failure of the database means to the caller. Names of tables, roles and constraints stay in
 * `cause`, which only the log sees.
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
    return new UnavailableError('Another run of this job has begun; this one writes nothing more.', extras);
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
  // Class 22 is data that the type cannot hold: the caller's input, not our fault.
  if (code.startsWith('22')) return new MalformedError('A value cannot be stored as it was sent.', extras);
  return new InternalError('Something went wrong on our side; it has been logged.', extras);
}

function isSystemError(error: Error): boolean {
  const code = 'code' in error ? error.code : undefined;
  return typeof code === 'string' && /^(E[A-Z]+|CERT_|ERR_SSL|UNABLE_TO)/.test(code);
}

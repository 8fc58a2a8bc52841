import assert from 'node:assert/strict';
import { DatabaseError } from 'pg';
import { LogLineError, NotFoundError } from '../../../runtime/base/errors';
import { asLogLineError, isConnectionLost, isUniqueViolation } from '../../../runtime/db/database-error';

/** An error of PostgreSQL, full of internals that callers must not see. */
function fromServer(code: string, constraint?: string): DatabaseError {
  const error = new DatabaseError('relation "ledger.universal_registry" of role logline_app', 10, 'error');
  error.code = code;
  error.constraint = constraint;
  return error;
}

function fromSystem(code: string): Error {
  return Object.assign(new Error(`connect ${code} 10.0.0.7:5432`), { code });
}

describe('database error', () => {
  const statuses: Record<number, readonly string[]> = {
    400: ['22P02', '22003', '22001', '22008', '22021'],
    403: ['42501', 'LL002', 'LL004'],
    409: ['LL001', 'LL003', '23505'],
    500: ['42P01', '42703', 'XX000', '23514'],
    503: ['57014', '55P03', '40001', '40P01', '28P01', '08006', '53300', '53100', '57P01', '57P03', '58030'],
  };
  for (const [status, codes] of Object.entries(statuses)) {
    it(`${codes.join(', ')}: the caller gets ${status} and no internals`, () => {
      for (const code of codes) {
        const error = asLogLineError(fromServer(code));
        assert.ok(error instanceof LogLineError, code);
        assert.equal(error.status, Number(status), code);
        assert.doesNotMatch(error.message, /ledger\.|relation|logline_app|LL\d/);
        assert.equal(error.retryAfterSeconds !== undefined, status === '503', code);
        assert.ok(error.cause instanceof DatabaseError, 'the log needs the cause');
      }
    });
  }

  it('a network or TLS failure is a 503 without address or port', () => {
    const failures = [
      ...['ECONNREFUSED', 'ECONNRESET', 'ETIMEDOUT', 'ENOTFOUND', 'EPIPE', 'EHOSTUNREACH', 'EAI_AGAIN'].map(
        fromSystem,
      ),
      fromSystem('CERT_HAS_EXPIRED'),
      fromSystem('UNABLE_TO_VERIFY_LEAF_SIGNATURE'),
      new Error('Connection terminated unexpectedly'),
      new Error('timeout exceeded when trying to connect'),
      new Error('Query read timeout'),
      new Error('Client has encountered a connection error and is not queryable'),
    ];
    for (const failure of failures) {
      const error = asLogLineError(failure);
      assert.ok(error instanceof LogLineError, failure.message);
      assert.equal(error.status, 503);
      assert.ok(Number(error.retryAfterSeconds) > 0);
      assert.doesNotMatch(error.message, /10\.0\.0\.7|5432/);
      assert.ok(
        isConnectionLost(failure) && isConnectionLost(error),
        'the connection must not be used again',
      );
    }
  });

  it('a refusal leaves the connection usable; a lost server does not', () => {
    for (const code of ['23505', '42501', 'LL001', '57014', '40001', '22P02'])
      assert.ok(!isConnectionLost(fromServer(code)), code);
    for (const code of ['57P01', '57P02', '57P03', '08006', '08003'])
      assert.ok(isConnectionLost(fromServer(code)), code);
  });

  it('other errors pass through', () => {
    const own = new NotFoundError('x');
    const bug = new TypeError('x is not a function');
    assert.equal(asLogLineError(own), own);
    assert.equal(asLogLineError(bug), bug);
    assert.equal(asLogLineError('text'), 'text');
  });

  it('a duplicate key is recognised by its constraint', () => {
    const taken = fromServer('23505', 'universal_registry_pkey');
    assert.ok(isUniqueViolation(taken) && isUniqueViolation(taken, 'universal_registry_pkey'));
    assert.ok(!isUniqueViolation(taken, 'idempotency_key_pkey'));
    assert.ok(!isUniqueViolation(fromServer('23514')) && !isUniqueViolation(new Error('23505')));
  });
});

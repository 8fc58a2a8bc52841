import { InternalError, LogLineError } from '../base/errors';
import { pooledRandomHex } from '../crypto/random-pool';
import { asLogLineError } from '../db/database-error';
import { type Answer, responseOf } from './answer';
import { responseHeaders } from './response-headers';

/** RFC 9457 problem details with the error's code, and every fault of a request. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly success: false;
  readonly errors?: readonly { readonly pointer: string; readonly detail: string }[];
  readonly [extension: string]: unknown;
}

/** The error for the caller; one that is not a LogLineError becomes a general 500. */
export function asCallerError(error: unknown): LogLineError {
  const known = asLogLineError(error);
  if (known instanceof LogLineError) return known;
  return new InternalError('Something went wrong on our side; it has been logged.', { cause: error });
}

/** The problem details (RFC 9457) of an error. */
export function problemAnswer(error: LogLineError): Answer {
  const problem: Problem = {
    type: `urn:logline:problem:${error.code}`,
    title: error.title,
    status: error.status,
    detail: error.message,
    success: false,
    ...(error.faults.length > 0 ? { errors: error.faults } : {}),
    ...error.members,
  };
  return {
    status: error.status,
    headers: {
      'content-type': 'application/problem+json',
      ...(error.retryAfterSeconds === undefined ? {} : { 'retry-after': String(error.retryAfterSeconds) }),
      ...rateLimitHeaders(error),
      ...error.headers,
    },
    text: JSON.stringify(problem),
  };
}

/** {@link problemAnswer} as HTTP has it, for what is refused before it reaches a route. */
export function problemResponse(error: LogLineError): Response {
  const answer = problemAnswer(error);
  const headers = responseHeaders(answer, { 'x-request-id': pooledRandomHex(8) });
  return responseOf({ ...answer, headers });
}

/** The headers of draft-ietf-httpapi-ratelimit-headers-10: the limit, and when it resets. */
function rateLimitHeaders({ rateLimit, retryAfterSeconds }: LogLineError): Record<string, string> {
  if (rateLimit === undefined) return {};
  const { policy, quota, windowSeconds } = rateLimit;
  const name = JSON.stringify(policy);
  return {
    'ratelimit-policy': `${name};q=${quota};w=${windowSeconds}`,
    ratelimit: `${name};r=0;t=${retryAfterSeconds ?? windowSeconds}`,
  };
}

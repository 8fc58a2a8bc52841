import {
  BootRefusedError,
  type ErrorExtras,
  type Fault,
  ForbiddenError,
  FunctionFailedError,
  LogLineError,
  MalformedError,
  NotFoundError,
  QuotaExceededError,
  type RateLimit,
  UnavailableError,
} from '../base/errors';
import type { Identity } from '../base/identity';
import type { JsonValue, SignedSpan } from '../base/span';
import { asLogLineError } from '../db/database-error';
import { objectOf } from '../json/json-object';
import type { KernelError, KernelOutcome } from '../kernels/kernel-context';
import type { KernelName } from '../kernels/stable-ids';

export interface InvokeOptions {
  /** Aborted when the caller has gone; ends the run, except on AWS, where it cannot be passed on. */
  readonly signal?: AbortSignal;
}

/** Starts a kernel for a caller: in this process, in another, or as a Lambda function. */
export interface KernelInvoker {
  /** Never throws: failures are outcomes. */
  invoke(
    kernel: KernelName,
    identity: Identity,
    event: JsonValue,
    options?: InvokeOptions,
  ): Promise<KernelOutcome>;
}

/** An error as plain data, for the caller that started the kernel. */
export function kernelErrorOf(error: unknown): KernelError {
  const known = asLogLineError(error);
  if (!(known instanceof LogLineError))
    return { code: 'unavailable', message: 'The kernel failed; it has been logged.' };
  const codes = ['not_found', 'forbidden', 'boot_refused', 'malformed', 'quota_exceeded'] as const;
  const code = codes.find((one) => one === known.code) ?? (known.status < 500 ? 'malformed' : 'unavailable');
  return {
    code,
    message: known.message,
    ...(known.faults.length === 0 ? {} : { cause: { faults: known.faults.map((fault) => ({ ...fault })) } }),
    ...(known.retryAfterSeconds === undefined ? {} : { retry_after_s: known.retryAfterSeconds }),
    ...(known.rateLimit === undefined ? {} : { rate_limit: rateLimitOf(known.rateLimit) }),
  };
}

function rateLimitOf({ policy, quota, windowSeconds }: RateLimit): NonNullable<KernelError['rate_limit']> {
  return { policy, quota, window_s: windowSeconds };
}

/** The faults that {@link kernelErrorOf} put into a cause. */
function faultsOf(cause: JsonValue | undefined): Fault[] {
  const { faults } = objectOf(cause);
  if (!Array.isArray(faults)) return [];
  return faults.flatMap((fault: JsonValue) => {
    const { pointer, detail } = objectOf(fault);
    return typeof pointer === 'string' && typeof detail === 'string' ? [{ pointer, detail }] : [];
  });
}

/** The inverse of {@link kernelErrorOf}: the API error for a kernel's error. */
export function callerErrorOf(
  error: KernelError,
  functionId: string,
  execution: SignedSpan | null,
): LogLineError {
  const { code, message, retry_after_s: retryAfterSeconds, rate_limit: limit, cause } = error;
  const extras: ErrorExtras = {
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
    ...(limit === undefined
      ? {}
      : { rateLimit: { policy: limit.policy, quota: limit.quota, windowSeconds: limit.window_s } }),
  };
  if (code === 'not_found') return new NotFoundError(message);
  if (code === 'forbidden') return new ForbiddenError(message);
  if (code === 'boot_refused') return new BootRefusedError(message);
  if (code === 'malformed') return new MalformedError(message, { faults: faultsOf(cause) });
  if (code === 'quota_exceeded') return new QuotaExceededError(message, extras);
  if (code === 'unavailable') return new UnavailableError(message, { retryAfterSeconds: 2, ...extras });
  return new FunctionFailedError(message, {
    members: {
      function_id: functionId,
      error: cause ?? { message },
      ...(execution === null ? {} : { execution }),
    },
  });
}

import type { Caller } from '../auth';
import type { JsonValue, SignedSpan } from '../base/span';

/** What a caller asks to run. */
export interface FunctionCall {
  readonly functionId: string;
  /** Undefined when the body named none. */
  readonly input: JsonValue | undefined;
  readonly caller: Caller;
  readonly traceId: string;
  /** Of the caller's request in that trace. Defaults to none: nobody collects traces. */
  readonly spanId?: string | undefined;
  /** Aborted when the caller of `run` is gone. Defaults to never. */
  readonly signal?: AbortSignal;
}

/** How a run ended that did not fail. */
export interface FunctionResult {
  readonly result: JsonValue;
  readonly execution: SignedSpan;
}

/**
 * Starts functions and kernels on behalf of callers. On a laptop this happens in the same process; on AWS the
 * kernels are Lambdas of their own.
 */
export interface FunctionStarter {
  /**
   * Runs and waits.
   * @throws NotFoundError, BootRefusedError, ForbiddenError, QuotaExceededError, FunctionFailedError.
   */
  run(call: FunctionCall): Promise<FunctionResult>;
  /**
   * Appends a request span for the request worker and returns it.
   * @throws NotFoundError, BootRefusedError, ForbiddenError, QuotaExceededError.
   */
  request(call: FunctionCall): Promise<SignedSpan>;
}

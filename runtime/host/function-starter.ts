import type { Caller } from '../auth';
import type { JsonValue, SignedSpan } from '../base/span';

/** What a caller asks to run. */
export interface FunctionCall {
  readonly functionId: string;
  /** Undefined when the body named none. */
  readonly input: JsonValue | undefined;
  readonly caller: Caller;
  readonly traceId: string;
  /** Id of the request's span in that trace. Defaults to none, when traces are not collected. */
  readonly spanId?: string | undefined;
  /** Aborted when the caller of `run` is gone. Defaults to never. */
  readonly signal?: AbortSignal;
}

/** The outcome of a run that did not fail. */
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

import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import type { Identity } from '../base/identity';
import type { JsonValue } from '../base/span';
import type { KernelInvoker } from '../host/kernel-invoker';
import type { KernelOutcome } from '../kernels/kernel-context';
import type { KernelName } from '../kernels/stable-ids';
import type { Logger } from '../log/logger';

/** Calls another Lambda function of LogLine; IAM decides who may. */
export interface KernelCall {
  readonly logline_call: { readonly identity: Identity; readonly event: JsonValue };
}

/** Starts kernels that are Lambda functions, and waits for them. */
export class LambdaInvoker implements KernelInvoker {
  readonly #client = new LambdaClient({});
  readonly #functions: Readonly<Record<string, string>>;
  readonly #logger: Logger;

  /** @param functions kernel → function name */
  constructor(functions: Readonly<Record<string, string>>, logger: Logger) {
    this.#functions = functions;
    this.#logger = logger;
  }

  async invoke(kernel: KernelName, identity: Identity, event: JsonValue): Promise<KernelOutcome> {
    const FunctionName = this.#functions[kernel];
    if (FunctionName === undefined) return unavailable(`The kernel ${kernel} cannot be reached from here.`);
    const call: KernelCall = { logline_call: { identity, event } };
    try {
      const { Payload, FunctionError } = await this.#client.send(
        new InvokeCommand({ FunctionName, Payload: JSON.stringify(call) }),
      );
      const answer: unknown = JSON.parse(Buffer.from(Payload ?? []).toString());
      if (FunctionError === undefined && isOutcome(answer)) return answer;
      this.#logger.error({ kernel, function_error: FunctionError }, 'kernel failed');
    } catch (error) {
      this.#logger.error({ kernel, err: error }, 'kernel could not be started');
    }
    return unavailable(`The kernel ${kernel} failed; try again in a moment.`);
  }
}

function unavailable(message: string): KernelOutcome {
  return { ok: false, error: { code: 'unavailable', message, retry_after_s: 2 }, execution: null };
}

function isOutcome(value: unknown): value is KernelOutcome {
  return typeof value === 'object' && value !== null && 'ok' in value && 'execution' in value;
}

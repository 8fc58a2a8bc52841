import * as pulumi from '@pulumi/pulumi';
import { type FunctionPlatform, type HandlerFactory, LambdaFunction } from './function';
import { invokeStatements } from './iam';
import type { Layers } from './layers';
import type { Environment } from './runtime-environment';
import type { Secrets } from './secrets';

/** The five kernels, as DESIGN.md section 8 names them. */
export const KERNELS = [
  'run_code',
  'observer_bot',
  'request_worker',
  'policy_agent',
  'provider_exec',
] as const;
export type KernelName = (typeof KERNELS)[number];

/** Arguments of {@link Kernels}. */
export interface KernelsArgs {
  readonly platform: FunctionPlatform;
  readonly layers: Layers;
  readonly secrets: Secrets;
  readonly environment: Environment;
  /** Memory of the kernels that run user code. */
  readonly memoryMb: number;
}

/** Seconds that a kernel may take. Queues give a message six times as long (AWS's advice). */
/** Seconds that one invocation of each kernel may take. */
export const TIMEOUT_SECONDS: Readonly<Record<KernelName, number>> = {
  // The midnight ruler decides 10,000 subjects in one run of run_code: it gets all that Lambda offers.
  run_code: 900,
  observer_bot: 30,
  request_worker: 120,
  policy_agent: 60,
  provider_exec: 120,
};

/**
 * One per kernel, written out: Pulumi serialises each handler, and a literal name captures nothing.
 */
const FACTORIES: Readonly<Record<KernelName, HandlerFactory>> = {
  run_code: () => require('logline-kernels').createHandler('run_code'),
  observer_bot: () => require('logline-kernels').createHandler('observer_bot'),
  request_worker: () => require('logline-kernels').createHandler('request_worker'),
  policy_agent: () => require('logline-kernels').createHandler('policy_agent'),
  provider_exec: () => require('logline-kernels').createHandler('provider_exec'),
};

const DESCRIPTIONS: Readonly<Record<KernelName, string>> = {
  run_code: 'Runs a ledger function in the sandbox; the midnight ruler too',
  observer_bot: 'Turns what is scheduled into requests',
  request_worker: 'Claims due requests and runs them',
  policy_agent: 'Evaluates policies on new spans',
  provider_exec: 'Calls external services',
};

/**
 * The five kernels as functions. Each has the rights that it needs: `request_worker` may call `run_code` and
 * `provider_exec`; only `provider_exec` can read provider keys; none can read the owner's database password.
 *
 * Costs about $0.60 a month at rest, for 613,000 ticks of some 50 ms at 512 MB (us-east-1, 2026-11).
 */
export class Kernels extends pulumi.ComponentResource {
  readonly functions: Readonly<Record<KernelName, LambdaFunction>>;

  readonly #args: KernelsArgs;

  constructor(name: string, args: KernelsArgs, opts?: pulumi.ComponentResourceOptions) {
    super('logline:infra:Kernels', name, {}, opts);
    this.#args = args;
    const runCode = this.#createKernel('run_code');
    const providerExec = this.#createKernel('provider_exec');
    this.functions = {
      run_code: runCode,
      observer_bot: this.#createKernel('observer_bot'),
      request_worker: this.#createKernel('request_worker', {
        run_code: runCode,
        provider_exec: providerExec,
      }),
      policy_agent: this.#createKernel('policy_agent'),
      provider_exec: providerExec,
    };
    this.registerOutputs({});
  }

  #createKernel(kernel: KernelName, callees: Readonly<Record<string, LambdaFunction>> = {}): LambdaFunction {
    const { platform, layers, secrets, environment, memoryMb } = this.#args;
    const providerKeys = kernel === 'provider_exec' ? secrets.providerKeysSecretArn : undefined;
    const ticking = kernel === 'observer_bot' || kernel === 'request_worker' || kernel === 'policy_agent';
    return new LambdaFunction(
      kernel.replaceAll('_', '-'),
      {
        platform,
        purpose: kernel,
        description: DESCRIPTIONS[kernel],
        factory: FACTORIES[kernel],
        layerArn: layers.kernels.arn,
        memoryMb: kernel === 'observer_bot' || kernel === 'provider_exec' ? 256 : memoryMb,
        timeoutSeconds: TIMEOUT_SECONDS[kernel],
        environment: {
          ...environment,
          ...(Object.keys(callees).length === 0 ? {} : calleesEnvironment(callees)),
          ...(providerKeys === undefined ? {} : { LOGLINE_PROVIDER_KEYS_SECRET_ARN: providerKeys }),
        },
        secretArns: [
          secrets.appSecretArn,
          secrets.signingKeySecretArn,
          ...(providerKeys === undefined ? [] : [providerKeys]),
        ],
        statements: [...invokeStatements(Object.values(callees).map((callee) => callee.function.arn))],
        tracing: ticking ? 'PassThrough' : 'Active',
      },
      { parent: this },
    );
  }
}

/** Kernel → function name: where a caller finds the kernels it may call. Plain names, known before deployment. */
export function calleesEnvironment(callees: Readonly<Record<string, LambdaFunction>>): Environment {
  const names = Object.entries(callees).map(([kernel, callee]) => [kernel, callee.functionName]);
  return { LOGLINE_KERNEL_FUNCTIONS: JSON.stringify(Object.fromEntries(names)) };
}

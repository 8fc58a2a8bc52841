import * as pulumi from '@pulumi/pulumi';
import { KERNEL_NAMES, kernelRow } from '../runtime/host/kernel-table';
import type { KernelName } from '../runtime/kernels/stable-ids';
import { type FunctionPlatform, LambdaFunction } from './function';
import { invokeStatements } from './iam';
import { KERNEL_HANDLERS } from './kernel-handlers.generated';
import type { Layers } from './layers';
import { type Environment, roleSecretsEnvironment } from './runtime-environment';
import type { LoginRole, Secrets } from './secrets';

/** Arguments of {@link Kernels}. */
export interface KernelsArgs {
  /** What all functions of the stack share. */
  readonly platform: FunctionPlatform;
  /** Where the code is. */
  readonly layers: Layers;
  /** The secrets that some kernels read. */
  readonly secrets: Secrets;
  /** What every function is told. */
  readonly environment: Environment;
  /** Memory in MB of the kernels that run user code. */
  readonly memoryMb: number;
}

/**
 * The kernels of `runtime/host/kernel-table.ts` as functions. Each has the rights that its row names: which kernels it
 * may call, and which secrets it can read beside its database password and the signing key. None can read the master
 * password.
 *
 * Costs about $0.60 a month at rest, for 613,000 ticks of some 50 ms at 512 MB (us-east-1, 2026-11).
 */
export class Kernels extends pulumi.ComponentResource {
  /** Kernel → its function. */
  readonly functions: Readonly<Record<KernelName, LambdaFunction>>;

  readonly #args: KernelsArgs;
  readonly #created = new Map<KernelName, LambdaFunction>();

  constructor(name: string, args: KernelsArgs, opts?: pulumi.ComponentResourceOptions) {
    super('logline:infra:Kernels', name, {}, opts);
    this.#args = args;
    const created = KERNEL_NAMES.map((kernel) => [kernel, this.#function(kernel)] as const);
    // One for each name of the table.
    this.functions = Object.fromEntries(created) as Record<KernelName, LambdaFunction>;
    this.registerOutputs({});
  }

  /** A kernel's function, made on first use: those that it calls come before it. */
  #function(kernel: KernelName): LambdaFunction {
    const known = this.#created.get(kernel);
    if (known !== undefined) return known;
    const callees = kernelRow(kernel).invokes.map((name) => [name, this.#function(name)] as const);
    const created = this.#createKernel(kernel, Object.fromEntries(callees));
    this.#created.set(kernel, created);
    return created;
  }

  #createKernel(kernel: KernelName, callees: Readonly<Record<string, LambdaFunction>>): LambdaFunction {
    const { platform, layers, secrets, environment, memoryMb } = this.#args;
    const row = kernelRow(kernel);
    const logins: readonly LoginRole[] = [
      'app',
      'kernel',
      ...(row.secrets.includes('guest password') ? (['guest'] as const) : []),
    ];
    const providerKeys = row.secrets.includes('provider keys') ? secrets.providerKeysSecretArn : undefined;
    return new LambdaFunction(
      kernel.replaceAll('_', '-'),
      {
        platform,
        purpose: kernel,
        description: row.description,
        factory: KERNEL_HANDLERS[kernel],
        layerArn: layers.kernels.arn,
        memoryMb: row.memoryMb === 'configured' ? memoryMb : row.memoryMb,
        timeoutSeconds: row.timeoutSeconds,
        environment: {
          ...environment,
          ...roleSecretsEnvironment(
            Object.fromEntries(logins.map((role) => [role, secrets.roleSecretArns[role]])),
          ),
          ...(Object.keys(callees).length === 0 ? {} : calleesEnvironment(callees)),
          ...(providerKeys === undefined ? {} : { LOGLINE_PROVIDER_KEYS_SECRET_ARN: providerKeys }),
        },
        secretArns: [
          ...logins.map((role) => secrets.roleSecretArns[role]),
          secrets.signingKeySecretArn,
          ...(providerKeys === undefined ? [] : [providerKeys]),
        ],
        statements: [...invokeStatements(Object.values(callees).map((callee) => callee.function.arn))],
        tracing: row.tick === null ? 'Active' : 'PassThrough',
      },
      { parent: this },
    );
  }
}

/** Environment that tells a caller the function names of the kernels it may call. */
export function calleesEnvironment(callees: Readonly<Record<string, LambdaFunction>>): Environment {
  const names = Object.entries(callees).map(([kernel, callee]) => [kernel, callee.functionName]);
  return { LOGLINE_KERNEL_FUNCTIONS: JSON.stringify(Object.fromEntries(names)) };
}

import * as pulumi from '@pulumi/pulumi';
import { type FunctionPlatform, LambdaFunction } from './function';
import { invokeStatements } from './iam';
import { calleesEnvironment, type Kernels } from './kernels';
import type { Layers } from './layers';
import type { Environment } from './runtime-environment';
import type { Secrets } from './secrets';

/** Arguments of {@link Stage0}. */
export interface Stage0Args {
  /** What all functions of the stack share. */
  readonly platform: FunctionPlatform;
  /** Where the code is. */
  readonly layers: Layers;
  /** Its database password, the instance key and the edge header. */
  readonly secrets: Secrets;
  /** What every function is told, and what only Stage-0 needs for browsers. */
  readonly environment: Environment;
  /** The kernels that it may call. */
  readonly kernels: Kernels;
  /** Memory in MB. */
  readonly memoryMb: number;
  /** Reserved concurrency; undefined leaves it to the account's limit. */
  readonly concurrency: number | undefined;
}

/**
 * Stage-0 as a function: the API and the loader. It may call the five kernels, and reads the functions' database
 * login and the instance key.
 *
 * Costs by use: about $0.40 for 100,000 requests of 50 ms at 512 MB (us-east-1, 2026-11).
 */
export class Stage0 extends pulumi.ComponentResource {
  /** The function. */
  readonly function: LambdaFunction;

  constructor(name: string, args: Stage0Args, opts?: pulumi.ComponentResourceOptions) {
    super('logline:infra:Stage0', name, {}, opts);
    const { secrets, kernels } = args;
    const { edgeHeader } = secrets;
    this.function = new LambdaFunction(
      name,
      {
        platform: args.platform,
        purpose: 'stage0',
        description: 'LogLine API and loader',
        factory: () => require('logline-stage0').createHandler(),
        layerArn: args.layers.stage0.arn,
        memoryMb: args.memoryMb,
        concurrency: args.concurrency,
        // API Gateway gives up after 30 s; answering just before lets the caller read why.
        timeoutSeconds: 29,
        environment: {
          ...args.environment,
          ...calleesEnvironment(kernels.functions),
          ...(edgeHeader === undefined ? {} : { LOGLINE_EDGE_SECRET_ARN: edgeHeader.secretArn }),
        },
        secretArns: [
          secrets.roleSecretArns.app,
          secrets.signingKeySecretArn,
          ...(edgeHeader === undefined ? [] : [edgeHeader.secretArn]),
        ],
        statements: [
          ...invokeStatements(Object.values(kernels.functions).map((kernel) => kernel.function.arn)),
        ],
      },
      { parent: this },
    );
    this.registerOutputs({ functionName: this.function.functionName });
  }
}

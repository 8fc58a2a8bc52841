import { join } from 'node:path';
import * as aws from '@pulumi/aws';
import * as pulumi from '@pulumi/pulumi';
import { hashTree, REPOSITORY_ROOT } from './bundle';
import { type FunctionPlatform, LambdaFunction } from './function';
import type { Layers } from './layers';
import type { Environment } from './runtime-environment';
import type { Secrets } from './secrets';

/** Arguments of {@link Migrator}. */
export interface MigratorArgs {
  readonly platform: FunctionPlatform;
  readonly layers: Layers;
  readonly secrets: Secrets;
  readonly environment: Environment;
}

/**
 * Brings schema and seeds up to date as part of `pulumi up`, and sets the password of the functions' login. It runs
 * when `sql/`, the kernels layer or that password changed, and else not at all. When a migration fails, so does the
 * update, with the migration's message; what depends on it is not touched.
 *
 * Costs next to nothing: a few seconds for each deployment (us-east-1, 2026-11).
 */
export class Migrator extends pulumi.ComponentResource {
  readonly function: LambdaFunction;
  /** Depend on this to start only after the schema is there. */
  readonly invocation: aws.lambda.Invocation;

  constructor(name: string, args: MigratorArgs, opts?: pulumi.ComponentResourceOptions) {
    super('logline:infra:Migrator', name, {}, opts);
    const { secrets } = args;
    this.function = new LambdaFunction(
      name,
      {
        platform: args.platform,
        purpose: 'migrator',
        description: 'Applies migrations and seeds during a deployment',
        factory: () => require('logline-kernels').createMigratorHandler(),
        layerArn: args.layers.kernels.arn,
        memoryMb: 512,
        timeoutSeconds: 900,
        environment: { ...args.environment, LOGLINE_MASTER_SECRET_ARN: secrets.ownerSecretArn },
        // The only reader of the owner's password. It also sets the functions' password and signs the seeds.
        secretArns: [secrets.ownerSecretArn, secrets.appSecretArn, secrets.signingKeySecretArn],
      },
      { parent: this },
    );
    this.invocation = new aws.lambda.Invocation(
      name,
      {
        functionName: this.function.function.name,
        input: JSON.stringify({ trigger: 'deployment' }),
        lifecycleScope: 'CREATE_ONLY',
        triggers: {
          sql: hashTree(join(REPOSITORY_ROOT, 'sql')),
          runtime: args.layers.kernelsHash,
          password: secrets.appSecretVersion,
        },
      },
      { parent: this },
    );
    this.registerOutputs({ functionName: this.function.functionName });
  }
}

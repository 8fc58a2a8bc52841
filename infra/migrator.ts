import { join } from 'node:path';
import * as aws from '@pulumi/aws';
import * as pulumi from '@pulumi/pulumi';
import { hashTree, REPOSITORY_ROOT } from './bundle';
import { type FunctionPlatform, LambdaFunction } from './function';
import { bucketStatements, keepStatements } from './iam';
import type { Layers } from './layers';
import type { Proofs } from './proofs';
import { type Environment, roleSecretsEnvironment } from './runtime-environment';
import type { Secrets } from './secrets';

/** Arguments of {@link Migrator}. */
export interface MigratorArgs {
  /** What all functions of the stack share. */
  readonly platform: FunctionPlatform;
  /** Where code and migrations are. */
  readonly layers: Layers;
  /** The secrets that the migrator fills and rotates. */
  readonly secrets: Secrets;
  /** What every function is told. */
  readonly environment: Environment;
  /** Secret of the master password, which RDS keeps. */
  readonly masterSecretArn: pulumi.Output<string>;
  /** Undefined in a stack without proofs. */
  readonly proofs: Proofs | undefined;
}

/**
 * Fills empty secrets, applies migrations and seeds as part of `pulumi up`, and sets the passwords of the functions'
 * roles. It runs only when `sql/`, the kernels layer or the ARN of a secret changes. A failed migration fails the update
 * with its own message, and nothing that depends on it changes.
 *
 * Costs next to nothing: a few seconds for each deployment (us-east-1, 2026-11).
 */
export class Migrator extends pulumi.ComponentResource {
  /** The function; operators call it for `migrate`, `seed` and `keys`. */
  readonly function: LambdaFunction;
  /** Resources that need the schema depend on this. */
  readonly invocation: aws.lambda.Invocation;
  /** Public key of the instance in hex, as the migrator's latest run read it. */
  readonly publicKeyHex: pulumi.Output<string>;

  constructor(name: string, args: MigratorArgs, opts?: pulumi.ComponentResourceOptions) {
    super('logline:infra:Migrator', name, {}, opts);
    const { secrets, proofs } = args;
    const { sealing } = secrets;
    const roles = { ...secrets.roleSecretArns, ...sealing?.roleSecretArns };
    const made = [
      ...Object.values(roles),
      secrets.signingKeySecretArn,
      ...(sealing === undefined ? [] : [sealing.checkpointKeySecretArn]),
    ];
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
        environment: {
          ...args.environment,
          ...roleSecretsEnvironment(roles),
          ...(sealing === undefined
            ? {}
            : { LOGLINE_CHECKPOINT_KEY_SECRET_ARN: sealing.checkpointKeySecretArn }),
          ...(proofs === undefined ? {} : { LOGLINE_PROOFS_BUCKET: proofs.bucket.bucket }),
          LOGLINE_MASTER_SECRET_ARN: args.masterSecretArn,
        },
        // The migrator alone reads the master password; it also sets the roles' passwords and signs the seeds.
        secretArns: [args.masterSecretArn, ...made],
        statements: [
          ...keepStatements(made, args.platform.secretsKeyArn, args.platform.region),
          // A restore rewrites the rollback guard.
          ...(proofs === undefined ? [] : bucketStatements(proofs.bucket.arn, ['guard'])),
        ],
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
          secrets: pulumi.all(made).apply((arns) => arns.join()),
        },
      },
      { parent: this },
    );
    this.publicKeyHex = this.invocation.result.apply(publicKeyOf);
    this.registerOutputs({ functionName: this.function.functionName });
  }
}

/** Public key in the migrator's answer; empty in a preview before the first deployment. */
function publicKeyOf(result: string | undefined): string {
  const answer: unknown = JSON.parse(result || 'null');
  return typeof answer === 'object' && answer !== null && 'public_key' in answer
    ? String(answer.public_key)
    : '';
}

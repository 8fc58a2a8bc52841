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
  readonly platform: FunctionPlatform;
  readonly layers: Layers;
  readonly secrets: Secrets;
  readonly environment: Environment;
  /** Of the master password, which RDS keeps. */
  readonly masterSecretArn: pulumi.Output<string>;
  /** Undefined in a stack without proofs. */
  readonly proofs: Proofs | undefined;
}

/**
 * Fills the secrets that are empty, brings schema and seeds up to date as part of `pulumi up`, and sets the passwords of
 * the functions' logins. It runs when `sql/`, the kernels layer or a secret's place changed, and else not at all. When a
 * migration fails, so does the update, with the migration's message; what depends on it is not touched.
 *
 * Costs next to nothing: a few seconds for each deployment (us-east-1, 2026-11).
 */
export class Migrator extends pulumi.ComponentResource {
  readonly function: LambdaFunction;
  /** Depend on this to start only after the schema is there. */
  readonly invocation: aws.lambda.Invocation;
  /** Public half of the instance key in hex, as the migrator read it at the latest deployment that ran it. */
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
        // The only reader of the master password. It also sets the roles' passwords and signs the seeds.
        secretArns: [args.masterSecretArn, ...made],
        statements: [
          ...keepStatements(made, args.platform.secretsKeyArn, args.platform.region),
          // After a restore the rollback guard follows it.
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

/** What the migrator's answer names as the public key; empty in a preview before the first deployment. */
function publicKeyOf(result: string | undefined): string {
  const answer: unknown = JSON.parse(result || 'null');
  return typeof answer === 'object' && answer !== null && 'public_key' in answer
    ? String(answer.public_key)
    : '';
}

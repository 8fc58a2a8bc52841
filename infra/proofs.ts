import * as aws from '@pulumi/aws';
import * as pulumi from '@pulumi/pulumi';
import { type FunctionPlatform, LambdaFunction } from './function';
import { bucketStatements } from './iam';
import type { Layers } from './layers';
import { startsAfter } from './ordering';
import type { ProofsSettings } from './proofs-settings';
import { type Environment, roleSecretsEnvironment } from './runtime-environment';
import type { SealingSecrets, Secrets } from './secrets';

/** Arguments of {@link Proofs}. */
export interface ProofsArgs {
  /** What all functions of the stack share. */
  readonly platform: FunctionPlatform;
  /** The group `proofs`: lock and witnesses. */
  readonly settings: ProofsSettings;
  /** Refuses to delete the bucket, and keeps its objects when the stack is destroyed. */
  readonly protect: boolean;
}

/** Arguments of {@link Proofs.seal}. */
export interface SealerArgs {
  /** Where the code is. */
  readonly layers: Layers;
  /** Passwords and keys that every function may need. */
  readonly secrets: Secrets;
  /** Passwords and checkpoint key of the sealer alone. */
  readonly sealing: SealingSecrets;
  /** What every function is told. */
  readonly environment: Environment;
}

/**
 * The tenants' logs: a function that seals and audits, and a bucket with a daily checkpoint and the rollback guard, by
 * which a database restored to an earlier state is noticed. Object Lock keeps every version for `lockDays`.
 *
 * Costs about $3 a month: three secrets, 262,800 ticks and a metric (us-east-1, 2026-11).
 */
export class Proofs extends pulumi.ComponentResource {
  /** Keeps checkpoints and the rollback guard, under Object Lock. */
  readonly bucket: aws.s3.Bucket;

  readonly #args: ProofsArgs;

  constructor(name: string, args: ProofsArgs, opts?: pulumi.ComponentResourceOptions) {
    super('logline:infra:Proofs', name, {}, opts);
    this.#args = args;
    this.bucket = this.#createBucket(name);
    this.#closeBucket(name);
    this.#lockBucket(name);
    this.registerOutputs({ bucket: this.bucket.bucket });
  }

  #createBucket(name: string): aws.s3.Bucket {
    const { platform, protect } = this.#args;
    return new aws.s3.Bucket(
      name,
      {
        bucketPrefix: platform.names.bucketPrefix(name),
        objectLockEnabled: true,
        // An unprotected stack can be destroyed together with its objects, bypassing the governance lock.
        forceDestroy: !protect,
      },
      { parent: this, protect },
    );
  }

  /** No public access, no access without TLS, everything encrypted. */
  #closeBucket(name: string): void {
    const { bucket } = this.bucket;
    const publicAccess = new aws.s3.BucketPublicAccessBlock(
      name,
      {
        bucket,
        blockPublicAcls: true,
        blockPublicPolicy: true,
        ignorePublicAcls: true,
        restrictPublicBuckets: true,
      },
      { parent: this },
    );
    new aws.s3.BucketOwnershipControls(
      name,
      { bucket, rule: { objectOwnership: 'BucketOwnerEnforced' } },
      { parent: this },
    );
    new aws.s3.BucketServerSideEncryptionConfiguration(
      name,
      { bucket, rules: [{ applyServerSideEncryptionByDefault: { sseAlgorithm: 'AES256' } }] },
      { parent: this },
    );
    const policy = pulumi.jsonStringify({
      Version: '2012-10-17',
      Statement: [
        {
          Sid: 'OnlyTls',
          Effect: 'Deny',
          Principal: '*',
          Action: 's3:*',
          Resource: [this.bucket.arn, pulumi.interpolate`${this.bucket.arn}/*`],
          Condition: { Bool: { 'aws:SecureTransport': 'false' } },
        },
      ],
    });
    // S3 refuses concurrent changes of a bucket's access settings.
    new aws.s3.BucketPolicy(name, { bucket, policy }, { parent: this, dependsOn: [publicAccess] });
  }

  #lockBucket(name: string): void {
    const { bucket } = this.bucket;
    const { lockMode, lockDays } = this.#args.settings;
    const versioning = new aws.s3.BucketVersioning(
      name,
      { bucket, versioningConfiguration: { status: 'Enabled' } },
      { parent: this },
    );
    new aws.s3.BucketObjectLockConfiguration(
      name,
      { bucket, rule: { defaultRetention: { mode: lockMode.toUpperCase(), days: lockDays } } },
      { parent: this, dependsOn: [versioning] },
    );
    new aws.s3.BucketLifecycleConfiguration(
      name,
      {
        bucket,
        rules: [
          {
            id: 'guard-history',
            status: 'Enabled',
            filter: { prefix: 'guard/' },
            // Every batch writes a version of the guard; it expires after its lock.
            noncurrentVersionExpiration: { noncurrentDays: 1 },
          },
        ],
      },
      { parent: this, dependsOn: [versioning] },
    );
  }

  /**
   * Creates the function that seals. The bucket comes earlier, because the migrator also writes the guard.
   * @param after dependency of the function
   */
  seal({ layers, secrets, sealing, environment }: SealerArgs, after: pulumi.Resource): LambdaFunction {
    const { platform, settings } = this.#args;
    return new LambdaFunction(
      'sealer',
      {
        platform,
        purpose: 'sealer',
        description: 'Seals spans into the logs of their tenants, and audits what is sealed',
        factory: () => require('logline-kernels').createSealerHandler(),
        layerArn: layers.kernels.arn,
        memoryMb: 256,
        timeoutSeconds: 60,
        environment: {
          ...environment,
          ...roleSecretsEnvironment(sealing.roleSecretArns),
          LOGLINE_CHECKPOINT_KEY_SECRET_ARN: sealing.checkpointKeySecretArn,
          LOGLINE_PROOFS_BUCKET: this.bucket.bucket,
          ...witnessEnvironment(settings),
        },
        secretArns: [
          // To append the day's checkpoints as spans.
          secrets.roleSecretArns.app,
          secrets.signingKeySecretArn,
          ...Object.values(sealing.roleSecretArns),
          sealing.checkpointKeySecretArn,
        ],
        statements: bucketStatements(this.bucket.arn, ['guard', 'checkpoints']),
        tracing: 'PassThrough',
      },
      { parent: this, transformations: [startsAfter(after)] },
    );
  }
}

function witnessEnvironment({ witnesses, witnessedTenants }: ProofsSettings): Environment {
  return witnesses.length === 0
    ? {}
    : {
        LOGLINE_WITNESSES: witnesses.join('\n'),
        LOGLINE_WITNESSED_TENANTS: witnessedTenants.join(),
      };
}

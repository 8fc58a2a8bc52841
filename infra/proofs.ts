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
  readonly platform: FunctionPlatform;
  readonly settings: ProofsSettings;
  /** Refuse to delete the bucket, and keep what is in it when the stack is destroyed. */
  readonly protect: boolean;
}

/** Arguments of {@link Proofs.seal}. */
export interface SealerArgs {
  readonly layers: Layers;
  readonly secrets: Secrets;
  readonly sealing: SealingSecrets;
  readonly environment: Environment;
}

/**
 * The logs of the tenants: a function that seals and audits, and a bucket outside the database that keeps a checkpoint a
 * day and the rollback guard, so that a database that was put back cannot go on as if nothing had happened. Object Lock
 * keeps every version of them for the days of the configuration.
 *
 * Costs about $3 a month: three secrets, 262,800 ticks and a metric (us-east-1, 2026-11).
 */
export class Proofs extends pulumi.ComponentResource {
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
        // Where nothing is protected the stack can be destroyed with what is in it, going around the lock.
        forceDestroy: !protect,
      },
      { parent: this, protect },
    );
  }

  /** Nobody from outside, nothing without TLS, everything encrypted. */
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
    // S3 refuses two changes of who may reach a bucket at once.
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
            // Each batch writes one; a version goes when its lock is over.
            noncurrentVersionExpiration: { noncurrentDays: 1 },
          },
        ],
      },
      { parent: this, dependsOn: [versioning] },
    );
  }

  /**
   * The function that seals; the bucket is there before it, since the migrator keeps the guard as well after a restore.
   * @param after it waits for this
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

import * as aws from '@pulumi/aws';
import * as pulumi from '@pulumi/pulumi';
import * as random from '@pulumi/random';
import type { RoleKey } from '../runtime/db/roles';
import type { Names } from './names';

/** Arguments of {@link Secrets}. */
export interface SecretsArgs {
  /** Makes the names of AWS resources. */
  readonly names: Names;
  /** JSON, provider name → API key; undefined creates no secret. */
  readonly providerKeys: pulumi.Output<string> | undefined;
  /** Whether the stack has logs, whose checkpoints need a key of their own. */
  readonly proofs: boolean;
  /** Version of the edge header; undefined without a distribution. */
  readonly edgeHeaderVersion: number | undefined;
  /** Refuses to delete keys and secrets, and keeps a deleted secret for 30 days instead of none. */
  readonly protect: boolean;
}

/** Master user of the database and owner of the schema; RDS rotates its password. */
export const OWNER_ROLE = 'logline_owner';

/** Database roles that functions log in as; each has a secret of its own. */
const LOGIN_ROLES = ['app', 'kernel', 'guest'] as const satisfies readonly RoleKey[];
/** A role that functions log in as. */
export type LoginRole = (typeof LOGIN_ROLES)[number];
/** Database roles of the sealer, in stacks with proofs. */
const SEALING_ROLES = ['sealer', 'auditor'] as const satisfies readonly RoleKey[];
/** A role that the sealer logs in as. */
export type SealingRole = (typeof SEALING_ROLES)[number];

const ROLE_PURPOSES: Readonly<Record<LoginRole | SealingRole, string>> = {
  app: 'Database login of the functions',
  kernel: 'Database login of the kernels, for finding work',
  guest: 'Database login for SQL of user code',
  sealer: 'Database login of the sealer, for the logs',
  auditor: 'Database login of the sealer, for checking spans',
};

/** Secrets of the sealer. */
export interface SealingSecrets {
  /** `{"username", "password"}` of each sealing role. */
  readonly roleSecretArns: Readonly<Record<SealingRole, pulumi.Output<string>>>;
  /** `{"seed_hex", …}`; see runtime/lambda/checkpoint-key-secret.ts. */
  readonly checkpointKeySecretArn: pulumi.Output<string>;
}

/** The secret header that CloudFront adds to each call. */
export interface EdgeHeader {
  /** Where Stage-0 reads the value. */
  readonly secretArn: pulumi.Output<string>;
  /** Its value, as a Pulumi secret. */
  readonly value: pulumi.Output<string>;
}

/**
 * A stack's secrets in Secrets Manager, under one KMS key. The program creates them empty; the migrator fills each on its
 * first run, inside AWS, so Pulumi's state holds no password and no seed. Two values are in the state, encrypted:
 * provider keys, which the user supplies, and the edge header, which CloudFront must be configured with. The migrator
 * never overwrites an existing value, including those that earlier versions of the program wrote.
 *
 * Costs $0.40 a secret and $1 the key: $3.00 a month with the master's, $0.40 more with provider keys or a distribution, $1.20 more with proofs (us-east-1, 2026-11).
 */
export class Secrets extends pulumi.ComponentResource {
  /** The KMS key that encrypts all of them. */
  readonly keyArn: pulumi.Output<string>;
  /** Secret `{"username", "password"}` of each role. */
  readonly roleSecretArns: Readonly<Record<LoginRole, pulumi.Output<string>>>;
  /** `{"seed_hex", …}`: the instance key, which signs spans; see runtime/lambda/rotating-keys.ts. */
  readonly signingKeySecretArn: pulumi.Output<string>;
  /** JSON, provider name → key; undefined without provider keys. */
  readonly providerKeysSecretArn: pulumi.Output<string> | undefined;
  /** Secrets of the sealer; undefined without proofs. */
  readonly sealing: SealingSecrets | undefined;

  /** The header of the distribution; undefined without `edge`. */
  readonly edgeHeader: EdgeHeader | undefined;

  readonly #args: SecretsArgs;
  readonly #key: aws.kms.Key;

  constructor(name: string, args: SecretsArgs, opts?: pulumi.ComponentResourceOptions) {
    super('logline:infra:Secrets', name, {}, opts);
    this.#args = args;
    this.#key = this.#createKey(name);
    this.keyArn = this.#key.arn;
    const place = (role: LoginRole | SealingRole) =>
      this.#createPlace(`${name}-${role}`, ROLE_PURPOSES[role]).arn;
    this.roleSecretArns = { app: place('app'), kernel: place('kernel'), guest: place('guest') };
    this.signingKeySecretArn = this.#createPlace(
      `${name}-signing-key`,
      'Seed of the Ed25519 instance key',
    ).arn;
    this.sealing = args.proofs
      ? {
          roleSecretArns: { sealer: place('sealer'), auditor: place('auditor') },
          checkpointKeySecretArn: this.#createPlace(
            `${name}-checkpoint-key`,
            'Seed of the Ed25519 key of checkpoints',
          ).arn,
        }
      : undefined;
    this.providerKeysSecretArn =
      args.providerKeys === undefined
        ? undefined
        : this.#createFilled(`${name}-provider-keys`, 'API keys of providers', args.providerKeys);
    this.edgeHeader =
      args.edgeHeaderVersion === undefined
        ? undefined
        : this.#createEdgeHeader(`${name}-edge-header`, args.edgeHeaderVersion);
    this.registerOutputs({ keyArn: this.keyArn });
  }

  #createKey(name: string): aws.kms.Key {
    const key = new aws.kms.Key(
      name,
      {
        description: `Secrets of ${this.#args.names.prefix}`,
        enableKeyRotation: true,
        deletionWindowInDays: this.#args.protect ? 30 : 7,
      },
      { parent: this, protect: this.#args.protect },
    );
    new aws.kms.Alias(
      name,
      { name: `alias/${this.#args.names.of('alias', 'secrets')}`, targetKeyId: key.keyId },
      { parent: this },
    );
    return key;
  }

  #createPlace(name: string, description: string): aws.secretsmanager.Secret {
    const { names, protect } = this.#args;
    return new aws.secretsmanager.Secret(
      name,
      {
        // A prefix, because the name of a deleted secret stays reserved while it can be recovered.
        namePrefix: `${names.of('secret', name)}-`,
        description,
        kmsKeyId: this.#key.arn,
        recoveryWindowInDays: protect ? 30 : 0,
      },
      { parent: this, protect },
    );
  }

  /** The secret is written before CloudFront sends the new value, so that Stage-0 already accepts it. */
  #createEdgeHeader(name: string, version: number): EdgeHeader {
    const { result } = new random.RandomPassword(
      name,
      { length: 64, special: false, keepers: { version: String(version) } },
      { parent: this },
    );
    const text = pulumi.secret(result);
    const secretArn = this.#createFilled(name, 'Header of the distribution before the API', text);
    return { secretArn, value: pulumi.secret(secretArn.apply(() => text)) };
  }

  /** @returns the ARN, once the value is written */
  #createFilled(name: string, description: string, text: pulumi.Output<string>): pulumi.Output<string> {
    const secret = this.#createPlace(name, description);
    return new aws.secretsmanager.SecretVersion(
      name,
      { secretId: secret.id, secretString: text },
      { parent: this },
    ).arn;
  }
}

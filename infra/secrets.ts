import * as aws from '@pulumi/aws';
import * as pulumi from '@pulumi/pulumi';
import * as random from '@pulumi/random';
import type { RoleKey } from '../runtime/db/roles';
import type { Names } from './names';

/** Arguments of {@link Secrets}. */
export interface SecretsArgs {
  readonly names: Names;
  /** JSON, provider name → key; no secret is made when undefined. */
  readonly providerKeys: pulumi.Output<string> | undefined;
  /** Whether the stack has logs, whose checkpoints are signed with a key of its own. */
  readonly proofs: boolean;
  /** Version of the header by which the distribution proves itself; undefined without one. */
  readonly edgeHeaderVersion: number | undefined;
  /** Refuse to delete keys and secrets, and keep a deleted secret for 30 days instead of none. */
  readonly protect: boolean;
}

/** Master user of the database, owner of the schema; RDS keeps and rotates its password. */
export const OWNER_ROLE = 'logline_owner';

/** Roles of the database that functions log in as; each has a secret of its own. */
export const LOGIN_ROLES = ['app', 'kernel', 'guest'] as const satisfies readonly RoleKey[];
export type LoginRole = (typeof LOGIN_ROLES)[number];
/** Those of the sealer, in stacks with proofs. */
export const SEALING_ROLES = ['sealer', 'auditor'] as const satisfies readonly RoleKey[];
export type SealingRole = (typeof SEALING_ROLES)[number];

const ROLE_PURPOSES: Readonly<Record<LoginRole | SealingRole, string>> = {
  app: 'Database login of the functions',
  kernel: 'Database login of the kernels, for finding work',
  guest: 'Database login for SQL of user code',
  sealer: 'Database login of the sealer, for the logs',
  auditor: 'Database login of the sealer, for checking spans',
};

/** What the sealer needs beside what every function has. */
export interface SealingSecrets {
  readonly roleSecretArns: Readonly<Record<SealingRole, pulumi.Output<string>>>;
  /** `{"seed_hex", …}`; see runtime/lambda/checkpoint-key-secret.ts. */
  readonly checkpointKeySecretArn: pulumi.Output<string>;
}

/** What the distribution before the API puts on each call. */
export interface EdgeHeader {
  readonly secretArn: pulumi.Output<string>;
  /** A Pulumi secret. */
  readonly value: pulumi.Output<string>;
}

/**
 * The places of a stack's secrets in Secrets Manager, under one key of its own. The program makes the places only: the
 * migrator fills each on its first run, inside AWS, and never again, so that no password and no seed is in Pulumi's
 * state. Exceptions, encrypted there, are provider keys, since somebody has to bring them, and the header of the
 * distribution, which CloudFront has to be told; it opens nothing but the door that the firewall stands at. A secret that has a value already keeps it,
 * also one of a stack from before, whose program wrote the values.
 *
 * Costs $0.40 a secret and $1 the key: $3.00 a month with the master's, $0.40 more with provider keys or a distribution, $1.20 more with proofs (us-east-1, 2026-11).
 */
export class Secrets extends pulumi.ComponentResource {
  readonly keyArn: pulumi.Output<string>;
  /** `{"username", "password"}` of each role. */
  readonly roleSecretArns: Readonly<Record<LoginRole, pulumi.Output<string>>>;
  /** `{"seed_hex", …}`: the instance key, which signs spans; see runtime/lambda/rotating-keys.ts. */
  readonly signingKeySecretArn: pulumi.Output<string>;
  readonly providerKeysSecretArn: pulumi.Output<string> | undefined;
  /** Undefined in a stack without proofs. */
  readonly sealing: SealingSecrets | undefined;

  /** Undefined without a distribution before the API. */
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
        // A prefix: the name of a deleted secret stays taken while it can be recovered.
        namePrefix: `${names.of('secret', name)}-`,
        description,
        kmsKeyId: this.#key.arn,
        recoveryWindowInDays: protect ? 30 : 0,
      },
      { parent: this, protect },
    );
  }

  /** A new version is there, and read by Stage-0, before the distribution is told. */
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

  /** @returns the ARN, once there is something to read */
  #createFilled(name: string, description: string, text: pulumi.Output<string>): pulumi.Output<string> {
    const secret = this.#createPlace(name, description);
    return new aws.secretsmanager.SecretVersion(
      name,
      { secretId: secret.id, secretString: text },
      { parent: this },
    ).arn;
  }
}

import { createPrivateKey, createPublicKey } from 'node:crypto';
import * as aws from '@pulumi/aws';
import * as pulumi from '@pulumi/pulumi';
import * as random from '@pulumi/random';
import type { Names } from './names';

/** Arguments of {@link Secrets}. */
export interface SecretsArgs {
  readonly names: Names;
  /** JSON, provider name → key; no secret is made when undefined. */
  readonly providerKeys: pulumi.Output<string> | undefined;
  /** Refuse to delete keys and secrets, and keep a deleted secret for 30 days instead of none. */
  readonly protect: boolean;
}

interface SecretOptions {
  /** A text that was changed outside the program stays. Defaults to false. */
  readonly keepsChanges?: boolean;
}

/** Login of the functions; its password changes without downtime, see {@link Secrets}. */
export const APP_ROLE = 'logline_app';
/** Login of the migrator: owner of the schema. */
export const OWNER_ROLE = 'logline_owner';

/** PKCS #8 header of an Ed25519 private key, before its 32-byte seed (RFC 8410, section 7). */
const ED25519_PKCS8_HEADER = Buffer.from('302e020100300506032b657004220420', 'hex');

/**
 * Every secret of a stack, in Secrets Manager under one key of its own: the owner's and the functions' database
 * passwords, the seed of the Ed25519 instance key, and the providers' API keys when there are any.
 *
 * **Changing the functions' password** (`pulumi up --replace` of `…-app-password`): the new value becomes
 * `AWSCURRENT`, the old one stays readable as `AWSPREVIOUS`, and the migrator, which runs again because the version
 * changed, sets it in PostgreSQL. Open connections stay open. A function that is refused (SQLSTATE 28P01) reads
 * both stages again and tries each, so it gets in on either side of the switch. The old version goes last.
 *
 * Costs $0.40 a secret and $1 the key: $2.20 a month, $2.60 with provider keys (us-east-1, 2026-11).
 */
export class Secrets extends pulumi.ComponentResource {
  readonly keyArn: pulumi.Output<string>;
  readonly ownerSecretArn: pulumi.Output<string>;
  readonly ownerPassword: pulumi.Output<string>;
  readonly appSecretArn: pulumi.Output<string>;
  readonly appPassword: pulumi.Output<string>;
  /** Changes with the functions' password: the migrator runs again. */
  readonly appSecretVersion: pulumi.Output<string>;
  readonly signingKeySecretArn: pulumi.Output<string>;
  readonly providerKeysSecretArn: pulumi.Output<string> | undefined;
  /** Public half of the instance key, hex; no secret. */
  readonly publicKeyHex: pulumi.Output<string>;

  readonly #args: SecretsArgs;
  readonly #key: aws.kms.Key;

  constructor(name: string, args: SecretsArgs, opts?: pulumi.ComponentResourceOptions) {
    super('logline:infra:Secrets', name, {}, opts);
    this.#args = args;
    this.#key = this.#createKey(name);
    this.keyArn = this.#key.arn;

    this.ownerPassword = this.#createPassword(`${name}-owner-password`);
    const owner = this.#createSecret(`${name}-owner`, 'Database login of the migrator', {
      username: OWNER_ROLE,
      password: this.ownerPassword,
    });
    this.ownerSecretArn = owner.arn;

    this.appPassword = this.#createPassword(`${name}-app-password`);
    const app = this.#createSecret(`${name}-app`, 'Database login of the functions', {
      username: APP_ROLE,
      password: this.appPassword,
    });
    this.appSecretArn = app.arn;
    this.appSecretVersion = app.version;

    const seed = this.#createSeed(name);
    this.signingKeySecretArn = this.#createSecret(
      `${name}-signing-key`,
      'Seed of the Ed25519 instance key',
      { seed_hex: seed.hex },
      // The stack makes the first key; a rotation writes the later ones, which an update must not undo.
      { keepsChanges: true },
    ).arn;
    this.publicKeyHex = pulumi.unsecret(seed.hex.apply(publicKeyOfSeed));

    this.providerKeysSecretArn =
      args.providerKeys === undefined
        ? undefined
        : this.#createSecretText(`${name}-provider-keys`, 'API keys of providers', args.providerKeys).arn;
    this.registerOutputs({ publicKeyHex: this.publicKeyHex });
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

  /** Letters and digits: 32 of them are 190 bits, and nothing needs escaping in a connection string. */
  #createPassword(name: string): pulumi.Output<string> {
    return new random.RandomPassword(name, { length: 32, special: false }, { parent: this }).result;
  }

  /** Every span ever signed is checked with this key: losing it is worse than losing the stack. */
  #createSeed(name: string): random.RandomBytes {
    return new random.RandomBytes(
      `${name}-signing-seed`,
      { length: 32 },
      { parent: this, protect: this.#args.protect },
    );
  }

  #createSecret(
    name: string,
    description: string,
    value: Readonly<Record<string, pulumi.Input<string>>>,
    options: SecretOptions = {},
  ): { arn: pulumi.Output<string>; version: pulumi.Output<string> } {
    return this.#createSecretText(name, description, pulumi.secret(pulumi.jsonStringify(value)), options);
  }

  #createSecretText(
    name: string,
    description: string,
    text: pulumi.Output<string>,
    { keepsChanges = false }: SecretOptions = {},
  ): { arn: pulumi.Output<string>; version: pulumi.Output<string> } {
    const { names, protect } = this.#args;
    const secret = new aws.secretsmanager.Secret(
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
    const version = new aws.secretsmanager.SecretVersion(
      name,
      { secretId: secret.id, secretString: text },
      { parent: this, ...(keepsChanges ? { ignoreChanges: ['secretString'] } : {}) },
    );
    // Readers get the ARN once there is something to read.
    return { arn: version.arn, version: version.versionId };
  }
}

/**
 * The Ed25519 public key of a seed, both 32 bytes in hex.
 */
export function publicKeyOfSeed(seedHex: string): string {
  const der = Buffer.concat([ED25519_PKCS8_HEADER, Buffer.from(seedHex, 'hex')]);
  const publicKey = createPublicKey(createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }));
  return publicKey.export({ format: 'der', type: 'spki' }).subarray(-32).toString('hex');
}

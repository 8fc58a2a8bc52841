import { createHash, randomUUID } from 'node:crypto';
import { PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import type { SecretReader } from './secret-reader';

/** Writes values of secrets that the Pulumi program created empty. Only the migrator may. */
export class SecretKeeper {
  readonly #client = new SecretsManagerClient({});
  readonly #reader: SecretReader;

  constructor(reader: SecretReader) {
    this.#reader = reader;
  }

  /**
   * Writes the first value of a secret; an existing value stays. Safe for concurrent callers: the first version of a
   * secret always has the same id, and Secrets Manager refuses another value under an existing id
   * (https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutSecretValue.html, ClientRequestToken).
   * @returns whether this call wrote it
   * @throws what the SDK throws when the secret is missing or may not be written
   */
  async fill(arn: string, make: () => string): Promise<boolean> {
    if ((await this.#reader.read(arn)) !== undefined) return false;
    try {
      await this.#put(arn, make(), firstVersionId(arn));
      return true;
    } catch (error) {
      if (error instanceof Error && error.name === 'ResourceExistsException') return false;
      throw error;
    }
  }

  /** Replaces the value; the previous one stays readable as AWSPREVIOUS. */
  async replace(arn: string, text: string): Promise<void> {
    await this.#put(arn, text, randomUUID());
  }

  async #put(arn: string, text: string, versionId: string): Promise<void> {
    await this.#client.send(
      new PutSecretValueCommand({ SecretId: arn, SecretString: text, ClientRequestToken: versionId }),
    );
  }
}

/** Version id of a secret's first value: 36 characters, since one needs at least 32. */
function firstVersionId(arn: string): string {
  const digest = createHash('sha256').update(`logline first version of ${arn}`).digest('hex');
  return [0, 8, 12, 16, 20].map((from, index, all) => digest.slice(from, all[index + 1] ?? 32)).join('-');
}

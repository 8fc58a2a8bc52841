import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { ConfigurationError } from '../base/errors';

/** A version of a secret: the current one, or during a rotation the previous one. */
export type SecretStage = 'AWSCURRENT' | 'AWSPREVIOUS';

/** Reads secrets of AWS Secrets Manager. */
export class SecretReader {
  readonly #client = new SecretsManagerClient({});

  /**
   * The text of a secret; undefined when it has no such version.
   * @throws what the SDK throws when the service does not answer or access is denied.
   */
  async read(arn: string, stage: SecretStage = 'AWSCURRENT'): Promise<string | undefined> {
    try {
      const { SecretString } = await this.#client.send(
        new GetSecretValueCommand({ SecretId: arn, VersionStage: stage }),
      );
      return SecretString;
    } catch (error) {
      if (error instanceof Error && error.name === 'ResourceNotFoundException') return undefined;
      throw error;
    }
  }

  /**
   * When the current version was created; undefined when there is none.
   * @throws what the SDK throws when the service does not answer or access is denied.
   */
  async madeAt(arn: string): Promise<Date | undefined> {
    try {
      const { CreatedDate } = await this.#client.send(new GetSecretValueCommand({ SecretId: arn }));
      return CreatedDate;
    } catch (error) {
      if (error instanceof Error && error.name === 'ResourceNotFoundException') return undefined;
      throw error;
    }
  }

  /**
   * The text members of a secret that is a JSON object.
   * @throws ConfigurationError when there is no such secret or it is something else; the message holds none of it.
   */
  async readObject(
    arn: string,
    stage: SecretStage = 'AWSCURRENT',
  ): Promise<Readonly<Record<string, string>>> {
    const text = await this.read(arn, stage);
    if (text === undefined) throw new ConfigurationError(`The secret ${arn} has no version ${stage}.`);
    try {
      const value: unknown = JSON.parse(text);
      if (typeof value === 'object' && value !== null) {
        return Object.fromEntries(
          Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
        );
      }
    } catch {
      // A parse error would quote the secret.
    }
    throw new ConfigurationError(`The secret ${arn} is not a JSON object.`);
  }
}

import { ConfigurationError } from '../base/errors';
import type { PasswordSource } from '../db/database-options';
import type { SecretReader, SecretStage } from './secret-reader';

/**
 * The database password from Secrets Manager. During a rotation the secret changes shortly before PostgreSQL does: when
 * the server refuses one version, the other is tried.
 */
export class RotatingPassword implements PasswordSource {
  readonly #reader: SecretReader;
  readonly #arn: string;
  #stage: SecretStage = 'AWSCURRENT';
  #password: Promise<string> | undefined;

  constructor(reader: SecretReader, arn: string) {
    this.#reader = reader;
    this.#arn = arn;
  }

  current(): Promise<string> {
    this.#password ??= this.#read(this.#stage).catch((error) => {
      this.#password = undefined;
      throw error;
    });
    return this.#password;
  }

  refused(): void {
    this.#stage = this.#stage === 'AWSCURRENT' ? 'AWSPREVIOUS' : 'AWSCURRENT';
    this.#password = undefined;
  }

  async #read(stage: SecretStage): Promise<string> {
    // A secret that was never rotated has no previous version.
    const text = (await this.#reader.read(this.#arn, stage)) === undefined ? 'AWSCURRENT' : stage;
    const { password } = await this.#reader.readObject(this.#arn, text);
    if (password === undefined) throw new ConfigurationError(`The secret ${this.#arn} holds no password.`);
    return password;
  }
}

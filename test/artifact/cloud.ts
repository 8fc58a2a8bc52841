import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { REPOSITORY_ROOT } from '../../infra/bundle';
import { type DryRun, dryRun, isSecret, readStackFile } from '../../infra/dry-run';
import { computedId } from '../../infra/stand-in-cloud';
import { ensureLedgerDatabase } from '../../local/ledger-database';
import type { PostgresServer } from '../../local/postgres';
import { startThrowawayPostgres } from '../../local/throwaway-postgres';
import { AwsStandIn, type StoredSecret } from './aws-stand-in';
import { LambdaInstance } from './lambda-instance';
import { type LambdaPackage, unpackFunctions } from './lambda-package';
import type { InvocationResult } from './runtime-api';

/**
 * A whole deployment on the loopback: the uploaded functions, unpacked and run as in Lambda, a real PostgreSQL, and
 * stand-ins for the AWS services that the functions call.
 */
export class Cloud {
  readonly run: DryRun;
  readonly packages: ReadonlyMap<string, LambdaPackage>;
  readonly secrets: Map<string, StoredSecret>;
  readonly aws: AwsStandIn;
  readonly #directory: string;
  readonly #server: PostgresServer;
  /** Additional environment of instances started from now on, as in other stacks. */
  readonly environment: Record<string, string> = {};
  readonly #instances = new Map<string, LambdaInstance>();

  private constructor(parts: {
    run: DryRun;
    packages: ReadonlyMap<string, LambdaPackage>;
    secrets: Map<string, StoredSecret>;
    aws: AwsStandIn;
    directory: string;
    server: PostgresServer;
  }) {
    this.run = parts.run;
    this.packages = parts.packages;
    this.secrets = parts.secrets;
    this.aws = parts.aws;
    this.#directory = parts.directory;
    this.#server = parts.server;
  }

  /** Deploys. The database is empty; the migrator has not run. */
  static async start(): Promise<Cloud> {
    const run = await dryRun({
      stack: 'dev',
      config: { ...readStackFile('dev'), 'logline:providerKeys': '{"openai":"sk-provider-secret"}' },
    });
    const directory = mkdtempSync(join(tmpdir(), 'logline-artifact-'));
    const packages = await unpackFunctions(run, directory);
    linkSdk(directory);
    const masterPassword = randomBytes(16).toString('hex');
    const secrets = secretsOf(run, masterPassword);
    const server = await startThrowawayPostgres();
    await ensureLedgerDatabase(server.superuserUrl('postgres'), masterPassword, 'logline');
    const aws = await AwsStandIn.start({
      secrets,
      packages: [...packages.values()],
      invoke: (functionName, event) => cloud.invokeByName(functionName, event),
    });
    const cloud = new Cloud({ run, packages, secrets, aws, directory, server });
    return cloud;
  }

  /** Invokes a function by its logical name; starts an instance if there is none. */
  async invoke(name: string, event: unknown): Promise<InvocationResult> {
    return (await this.instance(name)).invoke(event);
  }

  async invokeByName(functionName: string, event: unknown): Promise<InvocationResult> {
    const found = [...this.packages].find(([, item]) => item.functionName === functionName);
    return found === undefined
      ? { failed: true, payload: { errorMessage: `no function ${functionName}` } }
      : this.invoke(found[0], event);
  }

  /** The warm instance of a function. */
  async instance(name: string): Promise<LambdaInstance> {
    const warm = this.#instances.get(name);
    if (warm !== undefined) {
      return warm;
    }
    const lambda = this.packages.get(name);
    if (lambda === undefined) {
      throw new Error(`the program has no function ${name}`);
    }
    const instance = await LambdaInstance.start(lambda, join(this.#directory, 'runtime'), {
      LOGLINE_DATABASE_HOST: '127.0.0.1',
      LOGLINE_DATABASE_PORT: String(this.#server.port),
      LOGLINE_DATABASE_TLS: 'off',
      AWS_ENDPOINT_URL_SECRETS_MANAGER: this.aws.url,
      AWS_ENDPOINT_URL_LAMBDA: this.aws.url,
      AWS_ENDPOINT_URL_S3: this.aws.url,
      // The SDK refuses dual-stack endpoints together with a custom endpoint.
      AWS_USE_DUALSTACK_ENDPOINT: 'false',
      AWS_ACCESS_KEY_ID: lambda.functionName,
      AWS_SECRET_ACCESS_KEY: randomBytes(16).toString('hex'),
      ...this.environment,
    });
    this.#instances.set(name, instance);
    return instance;
  }

  get databasePort(): number {
    return this.#server.port;
  }

  /** Ends the warm instance of a function, so that the next event is a cold start. */
  async cool(name: string): Promise<void> {
    await this.#instances.get(name)?.stop();
    this.#instances.delete(name);
  }

  /** Runs SQL as superuser, to inspect and to break state. */
  async sql(text: string, values: unknown[] = []): Promise<Record<string, unknown>[]> {
    const client = new Client({ connectionString: this.#server.superuserUrl('logline') });
    await client.connect();
    try {
      return (await client.query(text, values)).rows;
    } finally {
      await client.end();
    }
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#instances.values()].map((instance) => instance.stop()));
    await this.aws.close();
    await this.#server.stop();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

/** One of the program's secrets: `master`, `app`, `guest`, `signing-key`. */
export function secretNamed(secrets: ReadonlyMap<string, StoredSecret>, name: string): StoredSecret {
  const [, secret] = [...secrets].find(([arn]) => new RegExp(`:(secrets-)?${name}$`).test(arn)) ?? [];
  if (secret === undefined) throw new Error(`there is no secret ${name}`);
  return secret;
}

/** A text member of one of the program's secrets. */
export function secretMember(
  secrets: ReadonlyMap<string, StoredSecret>,
  name: string,
  member: string,
): string {
  return String(JSON.parse(secretNamed(secrets, name).AWSCURRENT ?? '{}')[member]);
}

/** The program's secrets, empty except those it fills, and RDS's. */
function secretsOf(run: DryRun, masterPassword: string): Map<string, StoredSecret> {
  const secrets = new Map<string, StoredSecret>();
  for (const { type, name } of run.resources) {
    if (type === 'aws:secretsmanager/secret:Secret') {
      secrets.set(computedId(type, name, 'us-east-1'), { versions: new Map() });
    }
  }
  for (const { type, inputs } of run.resources) {
    if (type !== 'aws:secretsmanager/secretVersion:SecretVersion') continue;
    const text = isSecret(inputs.secretString) ? inputs.secretString.value : inputs.secretString;
    secrets.set(String(inputs.secretId), { AWSCURRENT: String(text), versions: new Map() });
  }
  const master = { username: 'logline_owner', password: masterPassword };
  secrets.set('arn:aws:secretsmanager:us-east-1:123456789012:secret:master', {
    AWSCURRENT: JSON.stringify(master),
    versions: new Map(),
  });
  return secrets;
}

/** Links the AWS SDK, which Lambda's Node runtime ships. */
function linkSdk(directory: string): void {
  mkdirSync(join(directory, 'runtime'));
  for (const scope of ['@aws-sdk', '@smithy']) {
    symlinkSync(join(REPOSITORY_ROOT, 'node_modules', scope), join(directory, 'runtime', scope));
  }
}

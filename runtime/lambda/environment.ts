import { ConfigurationError } from '../base/errors';
import { ROLE_KEYS, type RoleKey } from '../db/roles';
import { parseWitnesses, type RemoteWitness, tenantsOf } from '../proofs/remote-witness';
import { readSettings, type Settings } from '../settings';

/**
 * Connections per instance and role. A Lambda instance serves one event at a time, so few are enough, and all instances
 * share the database's limit; the stack's `apiConcurrency` is computed with this number.
 */
export const CONNECTIONS_PER_INSTANCE = 3;

/** The environment that `infra/` gives a Lambda function. Secrets are given as ARNs. */
export interface Environment {
  readonly stage: string;
  readonly databaseHost: string;
  readonly databasePort: number;
  /** Reader endpoint of a cluster that has readers. */
  readonly databaseReadHost: string | undefined;
  readonly databaseName: string;
  readonly databaseSecretArn: string;
  /** Secrets with the passwords of the database's other roles, as far as this function has them. */
  readonly roleSecretArns: Readonly<Partial<Record<RoleKey, string>>>;
  readonly signingKeySecretArn: string;
  /** The migrator alone has it. */
  readonly masterSecretArn: string | undefined;
  /** Secret of the header that the distribution adds; only for Stage-0 behind a distribution. */
  readonly edgeSecretArn: string | undefined;
  /** provider_exec alone has it, and only when keys are configured. */
  readonly providerKeysSecretArn: string | undefined;
  /** Where checkpoints and the rollback guard are kept, and the secret of the keys that sign them; of stacks with proofs. */
  readonly proofsBucket: string | undefined;
  readonly checkpointKeySecretArn: string | undefined;
  /** Who is asked to cosign checkpoints, and of which tenants; the sealer alone is told. */
  readonly witnesses: readonly RemoteWitness[];
  readonly witnessedTenants: readonly string[];
  /** Kernel → Lambda function, for functions that start kernels. */
  readonly kernelFunctions: Readonly<Record<string, string>>;
  readonly settings: Settings;
  /** `rds` verifies TLS against the RDS certificates; `off` is for tests on loopback. */
  readonly databaseTls: 'rds' | 'off';
}

/**
 * Reads the environment once, at the start.
 * @throws ConfigurationError naming every variable that is missing or not usable.
 */
export function readEnvironment(env: NodeJS.ProcessEnv = process.env): Environment {
  const faults: string[] = [];
  const required = (name: string): string => {
    const value = env[name];
    if (value === undefined || value === '') faults.push(`${name} is not set`);
    return value ?? '';
  };
  const optional = (name: string): string | undefined => (env[name] === '' ? undefined : env[name]);
  const environment: Environment = {
    stage: required('LOGLINE_STAGE'),
    databaseHost: required('LOGLINE_DATABASE_HOST'),
    databasePort: portOf(optional('LOGLINE_DATABASE_PORT') ?? '5432', faults),
    databaseReadHost: optional('LOGLINE_DATABASE_READ_HOST'),
    databaseName: required('LOGLINE_DATABASE_NAME'),
    databaseSecretArn: required('LOGLINE_DATABASE_SECRET_ARN'),
    roleSecretArns: roleSecretsOf(namesOf('LOGLINE_ROLE_SECRET_ARNS', env, faults)),
    signingKeySecretArn: required('LOGLINE_SIGNING_KEY_SECRET_ARN'),
    masterSecretArn: optional('LOGLINE_MASTER_SECRET_ARN'),
    edgeSecretArn: optional('LOGLINE_EDGE_SECRET_ARN'),
    providerKeysSecretArn: optional('LOGLINE_PROVIDER_KEYS_SECRET_ARN'),
    proofsBucket: optional('LOGLINE_PROOFS_BUCKET'),
    checkpointKeySecretArn: optional('LOGLINE_CHECKPOINT_KEY_SECRET_ARN'),
    witnesses: witnessesOf(optional('LOGLINE_WITNESSES') ?? '', faults),
    witnessedTenants: tenantsOf(optional('LOGLINE_WITNESSED_TENANTS') ?? ''),
    kernelFunctions: namesOf('LOGLINE_KERNEL_FUNCTIONS', env, faults),
    settings: readSettings(env, faults),
    databaseTls: tlsOf(optional('LOGLINE_DATABASE_TLS'), env.LOGLINE_DATABASE_HOST ?? '', faults),
  };
  if (faults.length > 0) throw new ConfigurationError(`The environment is not usable: ${faults.join('; ')}.`);
  return environment;
}

function portOf(text: string, faults: string[]): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    faults.push('LOGLINE_DATABASE_PORT is not a port');
  return port;
}

function witnessesOf(text: string, faults: string[]): readonly RemoteWitness[] {
  try {
    return parseWitnesses(text);
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    faults.push(`LOGLINE_WITNESSES: ${error.message}`);
    return [];
  }
}

function roleSecretsOf(names: Readonly<Record<string, string>>): Partial<Record<RoleKey, string>> {
  return Object.fromEntries(ROLE_KEYS.flatMap((role) => (names[role] ? [[role, names[role]]] : [])));
}

function namesOf(name: string, env: NodeJS.ProcessEnv, faults: string[]): Record<string, string> {
  const text = env[name];
  if (text === undefined || text === '') return {};
  try {
    const value: unknown = JSON.parse(text);
    const entries = typeof value === 'object' && value !== null ? Object.entries(value) : [];
    if (
      entries.length > 0 &&
      entries.every((entry): entry is [string, string] => typeof entry[1] === 'string')
    ) {
      return Object.fromEntries(entries);
    }
  } catch {
    // Reported below, like any other text that is not a map of names.
  }
  faults.push(`${name} is not a JSON object of names`);
  return {};
}

/** TLS may be off only for loopback addresses. */
function tlsOf(text: string | undefined, host: string, faults: string[]): 'rds' | 'off' {
  if (text === undefined || text === 'rds') return 'rds';
  if (text === 'off' && ['127.0.0.1', '::1', 'localhost'].includes(host)) return 'off';
  faults.push('LOGLINE_DATABASE_TLS may be off for a database on loopback only');
  return 'rds';
}

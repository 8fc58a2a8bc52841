import { randomBytes } from 'node:crypto';
import type { RoleKey } from '../db/roles';
import { roleName } from '../db/roles';
import type { Environment } from './environment';
import type { SecretKeeper } from './secret-keeper';

const PASSWORD_BYTES = 24;
const SEED_BYTES = 32;

/**
 * Generates every secret of the environment that has no value yet: the roles' passwords and the seeds of the two keys.
 * They are made inside AWS and never leave it.
 * @returns the names of the secrets made, for the log
 */
export async function fillSecrets(
  environment: Environment,
  keeper: SecretKeeper,
): Promise<readonly string[]> {
  const { signingKeySecretArn, checkpointKeySecretArn } = environment;
  const made = await Promise.all([
    ...Object.entries(roleSecrets(environment)).map(async ([role, arn]) =>
      (await keeper.fill(arn, () => newLogin(role as RoleKey))) ? `password of ${role}` : undefined,
    ),
    keeper.fill(signingKeySecretArn, newSeed).then((isNew) => (isNew ? 'instance key' : undefined)),
    checkpointKeySecretArn === undefined
      ? undefined
      : keeper.fill(checkpointKeySecretArn, newSeed).then((isNew) => (isNew ? 'checkpoint key' : undefined)),
  ]);
  return made.filter((what) => what !== undefined);
}

/** The secret with the password of each role that has one. */
export function roleSecrets({
  databaseSecretArn,
  roleSecretArns,
}: Environment): Readonly<Partial<Record<RoleKey, string>>> {
  return { app: databaseSecretArn, ...roleSecretArns };
}

/** A login with a new password of 192 bits, hexadecimal: nothing in it needs escaping anywhere. */
export function newLogin(role: RoleKey): string {
  return JSON.stringify({
    username: roleName(role),
    password: randomBytes(PASSWORD_BYTES).toString('hex'),
  });
}

function newSeed(): string {
  return JSON.stringify({ seed_hex: randomBytes(SEED_BYTES).toString('hex') });
}

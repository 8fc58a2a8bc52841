import { MalformedError } from './errors';
import { isName, MAX_NAME_LENGTH } from './name';

/**
 * On whose behalf a transaction runs. A user means something only within its tenant, so the pair is one
 * thing: users named `alice` in two tenants are strangers.
 */
export interface Identity {
  readonly user: string;
  readonly tenant: string;
}

/** A caller without a token: row-level security shows it public spans and lets it write nothing. */
export const NOBODY: Identity = { user: '', tenant: '' };

/** Who owns the manifest, the kernels and everything else that LogLine seeds. */
export const SYSTEM: Identity = { user: 'system', tenant: 'system' };

/** Who keeps the log of each tenant inside this program: a user name that no token can carry. */
export const LOG_USER = 'logline';

/** True when both are the same user of the same tenant. */
export function isSameIdentity(one: Identity, other: Identity): boolean {
  return one.user === other.user && one.tenant === other.tenant;
}

/**
 * Checks the two names before they reach a session.
 * @throws MalformedError when one cannot be a name, or only one of them is empty.
 */
export function checkIdentity(identity: Identity): Identity {
  const { user, tenant } = identity;
  if ((user === '' && tenant === '') || (isName(user) && isName(tenant))) return identity;
  throw new MalformedError(
    `User and tenant must both be given: 1 to ${MAX_NAME_LENGTH} characters without control characters.`,
  );
}

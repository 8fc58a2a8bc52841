import { MalformedError } from './errors';
import { isName, MAX_NAME_LENGTH } from './name';

/**
 * The user and tenant that a transaction runs as. A user id means something only within its tenant: users named
 * `alice` in two tenants are strangers.
 */
export interface Identity {
  readonly user: string;
  readonly tenant: string;
}

/** A caller without a token: row-level security lets it read public spans and write nothing. */
export const NOBODY: Identity = { user: '', tenant: '' };

/** The owner of the manifest, the kernels and everything else that LogLine seeds. */
export const SYSTEM: Identity = { user: 'system', tenant: 'system' };

/** The user that writes each tenant's log: a name that no token can carry. */
export const LOG_USER = 'logline';

/** True when both are the same user of the same tenant. */
export function isSameIdentity(one: Identity, other: Identity): boolean {
  return one.user === other.user && one.tenant === other.tenant;
}

/**
 * Checks both names before they are set on a database session. Both empty ({@link NOBODY}) is allowed.
 * @throws MalformedError when one is no name, or only one of them is empty
 */
export function checkIdentity(identity: Identity): Identity {
  const { user, tenant } = identity;
  if ((user === '' && tenant === '') || (isName(user) && isName(tenant))) return identity;
  throw new MalformedError(
    `User and tenant must both be given: 1 to ${MAX_NAME_LENGTH} characters without control characters.`,
  );
}

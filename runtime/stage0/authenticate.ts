import type { Caller, Scope, TokenVerifier } from '../auth';
import { ForbiddenError, UnauthorizedError } from '../base/errors';
import { type Identity, NOBODY, SYSTEM } from '../base/identity';
import type { Route } from './route';

/**
 * The caller, by the bearer token alone; undefined without a token.
 * @throws UnauthorizedError for a header that is not `Bearer <token>`, or a token that is not valid
 */
export async function authenticate(request: Request, tokens: TokenVerifier): Promise<Caller | undefined> {
  const header = request.headers.get('authorization');
  if (header === null) return undefined;
  const token = bearerToken(header);
  if (token === undefined) throw new UnauthorizedError('Send the header as: Authorization: Bearer <token>.');
  try {
    return await tokens.verify(token);
  } catch (error) {
    if (!(error instanceof UnauthorizedError)) throw error;
    throw new UnauthorizedError(error.message, { cause: error, headers: INVALID_TOKEN });
  }
}

/**
 * The tenant in whose turn a request is looked at, before it is: that of a token verified before, else nobody's, as a
 * token may say anything.
 */
export function tenantBefore(authorization: string | null | undefined, tokens: TokenVerifier): string {
  const token = bearerToken(authorization ?? '');
  return (token === undefined ? undefined : tokens.tenantOf(token)) ?? NOBODY.tenant;
}

function bearerToken(header: string): string | undefined {
  return /^bearer +([^\s]+)$/i.exec(header.trim())?.[1];
}

/** RFC 6750 section 3.1: tells a token that was refused from one that is missing. */
const INVALID_TOKEN = { 'www-authenticate': 'Bearer error="invalid_token"' };

/**
 * @throws UnauthorizedError when the route needs a token and there is none; ForbiddenError when the token
 * lacks the scope.
 */
export function authorize(caller: Caller | undefined, route: Route): void {
  if (caller === undefined) {
    if (route.tokenNeeded) {
      throw new UnauthorizedError('This needs a token; make one with: npx logline token --user U --tenant T');
    }
    return;
  }
  if (route.scope !== undefined) requireScope(caller, route.scope);
}

/** @throws ForbiddenError when the caller's token lacks the scope. */
export function requireScope(caller: Caller, scope: Scope): void {
  if (caller.scopes.has(scope)) return;
  // Tells a client which scope is missing (RFC 6750 section 3.1 has it in a header).
  throw new ForbiddenError(`The token lacks the scope ${scope}.`, { members: { scope } });
}

/** @throws ForbiddenError unless the caller is the operator: tenant `system`, by a token minted from the instance key */
export function requireOperator({ tenant, isMintedHere }: Caller): void {
  if (tenant === SYSTEM.tenant && isMintedHere) return;
  throw new ForbiddenError(
    'Only the operator may do this: make a token with npx logline token --user system --tenant system.',
  );
}

/** The identity of the caller's transactions. */
export function identityOf(caller: Caller | undefined): Identity {
  return caller === undefined ? NOBODY : { user: caller.user, tenant: caller.tenant };
}

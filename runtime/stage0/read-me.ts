import { SCOPES } from '../auth';
import { callerOf, json } from './answer';
import type { Handler } from './handlers';

/** `GET /api/me`: what the token says. */
export const readMe: Handler = async (_stage0, { caller }) => {
  const { user, tenant, scopes, expiresAt } = callerOf(caller);
  return json(200, {
    user,
    tenant,
    scopes: SCOPES.filter((scope) => scopes.has(scope)),
    expires_at: expiresAt.toISOString(),
  });
};

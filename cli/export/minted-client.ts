import { LOG_USER } from '../../runtime/base/identity';
import { LedgerApi } from '../ledger-api';
import type { Target } from '../target';

/** A new token is minted after this time in milliseconds; tokens live 15 minutes. */
const TOKEN_AGE_MS = 10 * 60_000;

/** User who reads the checkpoint spans: they are visible to the tenant, and no token can carry the name of their owner. */
export const LOG_READER = 'operator';

/** Returns a client for one user, with a new token before the current one expires. */
export function mintedClient(target: Target, user: string, tenant: string): () => Promise<LedgerApi> {
  let made: { readonly client: LedgerApi; readonly atMs: number } | undefined;
  return async () => {
    if (made === undefined || performance.now() - made.atMs > TOKEN_AGE_MS) {
      const client = new LedgerApi(
        target.client.url,
        await target.mint(user === LOG_USER ? LOG_READER : user, tenant),
      );
      made = { client, atMs: performance.now() };
    }
    return made.client;
  };
}

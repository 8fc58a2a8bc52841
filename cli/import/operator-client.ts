import { SYSTEM } from '../../runtime/base/identity';
import { LedgerApi } from '../ledger-api';
import type { Target } from '../target';

/** A new token is minted after this time in milliseconds; tokens live 15 minutes. */
const TOKEN_AGE_MS = 10 * 60_000;

/** Returns a client of the operator, with the given token or a minted one that is renewed before it expires. */
export function operatorClient(target: Target, hasToken: boolean): () => Promise<LedgerApi> {
  let made: { readonly client: LedgerApi; readonly atMs: number } | undefined;
  return async () => {
    if (hasToken) return target.client;
    if (made === undefined || performance.now() - made.atMs > TOKEN_AGE_MS) {
      const token = await target.mint(SYSTEM.user, SYSTEM.tenant);
      made = { client: new LedgerApi(target.client.url, token), atMs: performance.now() };
    }
    return made.client;
  };
}

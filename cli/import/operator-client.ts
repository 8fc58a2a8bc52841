import { SYSTEM } from '../../runtime/base/identity';
import { LedgerApi } from '../ledger-api';
import type { Target } from '../target';

/** Tokens that are made for the import live 15 minutes. */
const TOKEN_AGE_MS = 10 * 60_000;

/** A client for the operator, with a token that is made again before it runs out, or the one that was given. */
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

import { dataDirectory } from '../local/data-directory';
import { requireKeys } from '../local/keys';
import { OperatorError, oneLine } from '../local/operator-error';
import { mintToken } from '../runtime/auth/token';
import type { SigningKey } from '../runtime/crypto';
import { parseDuration } from './duration';

/** Options of `logline token`. */
export interface TokenRequest {
  readonly user: string;
  readonly tenant: string;
  /** Scopes, space-separated. */
  readonly scope: string;
  /** Lifetime, such as `1h`. */
  readonly ttl: string;
}

/**
 * Writes a token to stdout.
 * @param keyOf returns the signing key; defaults to the local ledger's
 */
export async function printToken(
  request: TokenRequest,
  keyOf: () => Promise<SigningKey> = async () => (await requireKeys(dataDirectory())).signingKey,
): Promise<void> {
  const ttlSeconds = parseDuration(request.ttl, '--ttl');
  const signingKey = await keyOf();
  let token: string;
  try {
    token = await mintToken(signingKey, {
      sub: request.user,
      tenant: request.tenant,
      scope: request.scope,
      ttlSeconds,
    });
  } catch (cause) {
    if (!(cause instanceof TypeError)) throw cause;
    throw new OperatorError(oneLine(cause), { exitCode: 2, cause });
  }
  process.stdout.write(`${token}\n`);
}

import { dataDirectory } from '../local/data-directory';
import { requireKeys } from '../local/keys';
import { OperatorError, oneLine } from '../local/operator-error';
import { mintToken } from '../runtime/crypto/token';
import { parseDuration } from './duration';

export interface TokenRequest {
  readonly user: string;
  readonly tenant: string;
  /** Space-separated. */
  readonly scope: string;
  /** For example `1h`. */
  readonly ttl: string;
}

/** Writes a token of the local ledger to stdout. */
export async function printToken(request: TokenRequest): Promise<void> {
  const ttlSeconds = parseDuration(request.ttl, '--ttl');
  const keys = await requireKeys(dataDirectory());
  let token: string;
  try {
    token = await mintToken(keys.signingKey, {
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

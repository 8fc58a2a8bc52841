import { OperatorError } from '../../local/operator-error';
import { MalformedError } from '../../runtime/base/errors';
import { sha256 } from '../../runtime/crypto/sha256';
import { originOf } from '../../runtime/proofs/checkpoint';
import { verifierKeyOf } from '../../runtime/proofs/checkpoint-keys';
import { parseVerifierKey, type VerifierKey } from '../../runtime/proofs/verifier-key';
import { type LedgerApi, member, textMember } from '../ledger-api';

/** The verifier keys of a tenant's log as the ledger publishes them: current signers first, keys of names from before a
 * restore last. */
export async function publishedVerifierKeys(
  client: LedgerApi,
  tenant: string,
): Promise<readonly VerifierKey[]> {
  const body = await client.demand('/api/keys', { token: null });
  const instance = textMember(body, 'origin');
  const earlier = member(body, 'earlier_origins');
  const keys = member(body, 'keys');
  if (instance === undefined || !Array.isArray(keys)) {
    throw new OperatorError(`${client.url} does not answer like LogLine: /api/keys holds no "keys"`);
  }
  const signing = keys
    .filter((key: unknown) => textMember(key, 'purpose') === 'checkpoint')
    .sort((one, other) => Number(member(one, 'until') !== null) - Number(member(other, 'until') !== null));
  // Older versions do not send earlier names.
  const names = [instance, ...(Array.isArray(earlier) ? earlier.map(String) : [])];
  return names.flatMap((name) =>
    signing.map((key) => verifierKeyOf(textMember(key, 'public_key') ?? '', originOf(name, tenant))),
  );
}

/**
 * Parses verifier keys; a text may contain several, one a line.
 * @param from their source, for the message. Defaults to `--vkey`
 * @throws OperatorError (exit code 2) for an invalid key
 */
export function givenVerifierKeys(texts: readonly string[], from = '--vkey'): readonly VerifierKey[] {
  return texts
    .flatMap((text) => text.split(/\s+/))
    .filter((text) => text !== '')
    .map((text) => {
      try {
        return parseVerifierKey(sha256, text);
      } catch (error) {
        if (!(error instanceof MalformedError)) throw error;
        throw new OperatorError(`${from}: ${error.message}`, { exitCode: 2 });
      }
    });
}

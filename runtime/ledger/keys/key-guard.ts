import { keyIdOf } from '../../auth';
import { ConfigurationError } from '../../base/errors';
import type { KeyHistory } from './key-history';
import type { KeyRing } from './key-ring';

/**
 * Refuses a key ring without an active key of the ledger's history: what it signs could not be linked to earlier spans.
 * A ledger without a history accepts any ring.
 * @throws ConfigurationError naming the missing key and the ways out
 */
export function refuseOtherKeys(history: KeyHistory, ring: KeyRing): void {
  if (history.keys.size === 0) return;
  if (ring.chronological.some(({ publicKeyHex }) => history.keys.get(publicKeyHex)?.status === 'active'))
    return;
  const missing = [...history.keys.values()].filter(({ status }) => status === 'active').at(-1);
  const named = missing ?? [...history.keys.values()].at(-1);
  throw new ConfigurationError(
    `This ledger is signed by key ${keyIdOf(named?.publicKeyHex ?? '')} (${named?.publicKeyHex}), and the keys at hand are others: ${keyIdOf(ring.current.publicKeyHex)}. Bring keys.json of that key (LOGLINE_DATA), or, if it is lost, run npx logline keys adopt to go on under the key at hand; verify will say so.`,
  );
}

import { randomBytes } from 'node:crypto';
import { ConfigurationError } from '../base/errors';
import { hexPattern, signingKeyFromHex } from '../crypto';
import { normalizeTimestamp } from '../json/timestamp';
import { KEYS_REMEMBERED_MS } from './rotating-keys';

/** Text members of the secret that holds the instance keys; see {@link RotatingKeys} for what each means. */
export type KeySecret = Readonly<Record<string, string>>;

/** Changes of the instance keys that an operator may request from the migrator. */
export type KeyChange =
  | { readonly change: 'announce_key' | 'promote_key' }
  | { readonly change: 'revoke_key'; readonly public_key: string; readonly since?: string };

/** Functions read the secret at the start of an event, and an event may last this long. */
const LONGEST_EVENT_MS = 60_000;
const SETTLE_MS = KEYS_REMEMBERED_MS + LONGEST_EVENT_MS;
const PUBLIC_KEY = hexPattern(32);

/**
 * The secret after a change. A rotation takes two changes: the next key is announced, so that every function trusts it,
 * and signs once all have read it.
 * @throws ConfigurationError for a change that is not possible now; the message says what to do
 */
export function changedKeys(secret: KeySecret, change: KeyChange, now: Date = new Date()): KeySecret {
  switch (change.change) {
    case 'announce_key':
      return announced(secret, now);
    case 'promote_key':
      return promoted(secret, now);
    case 'revoke_key':
      return revoked(secret, change.public_key, change.since);
  }
}

/** Milliseconds until an announced key may sign; 0 when it may, or when none is announced. */
export function settlesInMs({ next_seed_hex, next_since }: KeySecret, now: Date = new Date()): number {
  if (next_seed_hex === undefined) return 0;
  const since = next_since === undefined ? Number.NaN : Date.parse(next_since);
  // Announced by hand, without a timestamp: assume now.
  return Number.isNaN(since) ? SETTLE_MS : Math.max(0, since + SETTLE_MS - now.getTime());
}

/** An interrupted rotation continues with the key that was announced. */
function announced(secret: KeySecret, now: Date): KeySecret {
  if (secret.next_seed_hex !== undefined && secret.next_since !== undefined) return secret;
  return {
    ...secret,
    next_seed_hex: secret.next_seed_hex ?? randomBytes(32).toString('hex'),
    next_since: now.toISOString(),
  };
}

function promoted(secret: KeySecret, now: Date): KeySecret {
  const { seed_hex, next_seed_hex, next_since: _since, previous_seeds_hex, ...others } = secret;
  if (next_seed_hex === undefined || seed_hex === undefined) {
    throw new ConfigurationError('No key is announced; announce one first (npx logline keys rotate).');
  }
  const waitMs = settlesInMs(secret, now);
  if (waitMs > 0) {
    throw new ConfigurationError(
      `The next key was announced just now, and functions may not have read it; try again in ${Math.ceil(waitMs / 1_000)} s.`,
    );
  }
  const previous = [seed_hex, ...(previous_seeds_hex ? [previous_seeds_hex] : [])].join(',');
  return { ...others, seed_hex: next_seed_hex, previous_seeds_hex: previous };
}

function revoked(secret: KeySecret, publicKey: string, since: string | undefined): KeySecret {
  if (!PUBLIC_KEY.test(publicKey)) {
    throw new ConfigurationError('public_key must be 64 hexadecimal digits, in lower case.');
  }
  const from = normalizeTimestamp(since ?? new Date().toISOString());
  if (from === undefined) throw new ConfigurationError('since must be an RFC 3339 timestamp.');
  if (secret.seed_hex !== undefined && signingKeyFromHex(secret.seed_hex).publicKeyHex === publicKey) {
    throw new ConfigurationError('This key signs now; rotate the keys first, then revoke it.');
  }
  const known = (secret.revoked_keys ?? '').split(',').filter((entry) => entry !== '');
  if (known.some((entry) => entry.split('@')[0] === publicKey)) return secret;
  return { ...secret, revoked_keys: [...known, `${publicKey}@${from}`].join(',') };
}

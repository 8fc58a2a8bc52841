/** Period of validity of a key, from an entry of `GET /api/keys` (RFC 3339 in UTC with milliseconds). */
export interface KeyValidity {
  /** When it began; null or absent when unknown. */
  readonly since?: string | null | undefined;
  /** When it ended, exclusive. */
  readonly until?: string | null | undefined;
  /** Whether the key is revoked from `until` on. */
  readonly revoked?: boolean;
}

/** Why a key was not valid: `early` is before its start; `retired` or `revoked` is from its end on. */
export type KeyLapse = 'early' | 'retired' | 'revoked';

/**
 * Why the key of a span was not the ledger's at the time that the span says; undefined when it was. Whoever writes a
 * span chooses its `at`, so a good signature with such a time is no proof of when it was made: `early` is what a span
 * with a date in the past looks like, `retired` one with a date in the future or of a server that had yet to hear of the
 * new key, and `revoked` is what a thief of the key would sign.
 */
export function keyLapse(at: string, { since, until, revoked = false }: KeyValidity): KeyLapse | undefined {
  if (until && at >= until) return revoked ? 'revoked' : 'retired';
  return since && at < since ? 'early' : undefined;
}

/** For how long a key was the ledger's, as an entry of `GET /api/keys` says it (RFC 3339, in UTC, with milliseconds). */
export interface KeyValidity {
  /** Its first moment; null or absent where the ledger does not say. */
  readonly since?: string | null | undefined;
  /** The first moment at which it was not the ledger's any more. */
  readonly until?: string | null | undefined;
  /** It was in wrong hands from `until` on. */
  readonly revoked?: boolean;
}

/** When a key was not valid: before its first moment, or from its last on, as one that was replaced or taken back. */
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

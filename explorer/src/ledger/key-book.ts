import { listOf, member, textOf } from '../json';

/** A key of the instance, as `GET /api/keys` tells it. */
export interface KnownKey {
  readonly publicKey: string;
  /** RFC 3339. */
  readonly since: string | undefined;
  /** RFC 3339; what says a later time was not signed by the instance. */
  readonly until: string | undefined;
  readonly revoked: boolean;
  readonly purpose: string;
}

/** The keys by which signatures are judged. */
export interface KeyBook {
  readonly origin: string | undefined;
  /** Before a restore. */
  readonly earlierOrigins: readonly string[];
  readonly keys: readonly KnownKey[];
}

/** Reads the answer of `GET /api/keys`; entries that are none are passed over. */
export function keyBookOf(body: unknown): KeyBook {
  return {
    origin: textOf(body, 'origin'),
    earlierOrigins: listOf(body, 'earlier_origins').filter((name) => typeof name === 'string'),
    keys: listOf(body, 'keys').flatMap((key) => {
      const publicKey = textOf(key, 'public_key');
      if (publicKey === undefined) return [];
      return [
        {
          publicKey,
          since: textOf(key, 'since'),
          until: textOf(key, 'until'),
          revoked: member(key, 'revoked') === true,
          purpose: textOf(key, 'purpose') ?? 'span',
        },
      ];
    }),
  };
}

import { listOf, member, textOf } from '../json';

/** A key of the instance, as in `GET /api/keys`. */
export interface KnownKey {
  readonly publicKey: string;
  /** RFC 3339. */
  readonly since: string | undefined;
  /** RFC 3339; the instance signed no span of a later time with it. */
  readonly until: string | undefined;
  readonly revoked: boolean;
  readonly purpose: string;
}

/** The keys of the instance, by which signatures are checked. */
export interface KeyBook {
  readonly origin: string | undefined;
  /** Origins from before restores. */
  readonly earlierOrigins: readonly string[];
  readonly keys: readonly KnownKey[];
}

/** Parses the answer of `GET /api/keys`, without entries that are no keys. */
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

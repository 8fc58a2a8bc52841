/** Longest user id, tenant id or token id, in UTF-16 code units. */
export const MAX_NAME_LENGTH = 255;

/**
 * Whether a value can name a user, a tenant or a token: 1 to 255 UTF-16 code units, none a control character
 * (PostgreSQL cannot store U+0000) or a lone surrogate.
 */
export function isName(value: unknown): value is string {
  if (typeof value !== 'string' || value.length === 0 || value.length > MAX_NAME_LENGTH) return false;
  return value.isWellFormed() && !/\p{Cc}/u.test(value);
}

import type { Answer } from './answer';

/**
 * What every answer carries beside its own headers. The API answers no documents: nothing may be loaded, framed or
 * guessed from what it sends, and no cache may keep what one caller was shown.
 */
const COMMON: Readonly<Record<string, string>> = {
  'x-content-type-options': 'nosniff',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
};

/** Headers of {@link Answer} that say more than {@link COMMON} win. */
export function responseHeaders(
  { headers }: Pick<Answer, 'headers'>,
  more: Readonly<Record<string, string>>,
): Record<string, string> {
  return { ...COMMON, ...headers, ...more };
}

/** One `Vary` of several. */
export function varying(...names: readonly (string | undefined)[]): string {
  return names.filter((name) => name !== undefined).join(', ');
}

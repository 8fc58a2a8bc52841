import type { Answer } from './answer';

/**
 * Headers of every answer. The API serves no documents: nothing may be loaded, framed or sniffed, and no shared cache may
 * store a caller's answer.
 */
const COMMON: Readonly<Record<string, string>> = {
  'x-content-type-options': 'nosniff',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
};

/** The headers of an answer; its own take precedence over {@link COMMON}. */
export function responseHeaders(
  { headers }: Pick<Answer, 'headers'>,
  more: Readonly<Record<string, string>>,
): Record<string, string> {
  return { ...COMMON, ...headers, ...more };
}

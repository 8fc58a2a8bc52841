import { OperatorError } from '../local/operator-error';
import { normalizeTimestamp } from '../runtime/json/timestamp';
import { parseDuration } from './duration';

/**
 * Parses RFC 3339 (`2026-01-31T12:00:00Z`), a day (`2026-01-31`, UTC) or a duration before now (`24h`) into a timestamp of
 * the ledger's form.
 * @param name the option, for the message
 * @returns undefined for undefined
 * @throws OperatorError (exit code 2)
 */
export function timestampOption(
  text: string | undefined,
  name: string,
  now = new Date(),
): string | undefined {
  if (text === undefined) return undefined;
  const timestamp = normalizeTimestamp(/^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00:00Z` : text);
  if (timestamp !== undefined) return timestamp;
  try {
    return new Date(now.getTime() - parseDuration(text, name) * 1000).toISOString();
  } catch (cause) {
    throw new OperatorError(
      `${name} must be a timestamp such as 2026-01-31T12:00:00Z or 2026-01-31, or a duration such as 24h, got "${text}"`,
      { exitCode: 2, cause },
    );
  }
}

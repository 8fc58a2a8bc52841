import { OperatorError } from '../local/operator-error';

const SECONDS = { s: 1, m: 60, h: 3600, d: 86_400 } as const;

/**
 * Parses `90s`, `15m`, `1h` or `30d` into seconds.
 * @param name the option, for the message
 * @throws OperatorError (exit code 2)
 */
export function parseDuration(text: string, name: string): number {
  const match = /^(\d{1,9})([smhd])$/.exec(text);
  const unit = match?.[2];
  const amount = Number(match?.[1]);
  if (!isUnit(unit) || !(amount > 0)) {
    throw new OperatorError(`${name} must be a duration such as 90s, 15m, 1h or 30d, got "${text}"`, {
      exitCode: 2,
    });
  }
  return amount * SECONDS[unit];
}

function isUnit(text: string | undefined): text is keyof typeof SECONDS {
  return text !== undefined && text in SECONDS;
}

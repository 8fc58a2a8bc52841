/** Decides whether a line of the local log is shown. */
export type LineFilter = (text: string, line: unknown) => boolean;

/** Level names, in ascending order. */
const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'];
const TERM = /^([a-z_]+)(=|>=)(\S+)$/i;

/**
 * Parses `--filter` of the local run: conditions such as `level>=warn status=503 operation=appendSpans`, all of which must
 * hold, or a text that the line contains.
 */
export function localFilter(pattern: string | undefined): LineFilter {
  if (pattern === undefined) return () => true;
  const terms = pattern
    .trim()
    .split(/\s+/)
    .map((word) => TERM.exec(word));
  if (terms.some((term) => term === null)) return (text) => text.includes(pattern);
  return (_text, line) =>
    terms.every((term) => holds(line, term?.[1] ?? '', term?.[2] ?? '', term?.[3] ?? ''));
}

function holds(line: unknown, name: string, operator: string, expected: string): boolean {
  if (typeof line !== 'object' || line === null) return false;
  const value: unknown = Object.getOwnPropertyDescriptor(line, name)?.value;
  if (value === undefined) return false;
  if (operator === '=') return String(value) === expected;
  if (name === 'level')
    return LEVELS.indexOf(String(value)) >= LEVELS.indexOf(expected) && LEVELS.includes(expected);
  return Number(value) >= Number(expected);
}

/** The current time in the ledger's form: RFC 3339, UTC, three fractional digits. */
export function now(): string {
  return new Date().toISOString();
}

/** What keeps a text out of the ledger: PostgreSQL has no U+0000, and no hash covers a lone surrogate. */
export function textFaults(text: string): readonly string[] {
  return [...(text.includes('\0') ? ['U+0000'] : []), ...(text.isWellFormed() ? [] : ['a lone surrogate'])];
}

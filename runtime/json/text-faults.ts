/** Why a text cannot be stored, if it cannot: PostgreSQL has no U+0000, and a lone surrogate has no UTF-8 to hash. */
export function textFaults(text: string): readonly string[] {
  return [...(text.includes('\0') ? ['U+0000'] : []), ...(text.isWellFormed() ? [] : ['a lone surrogate'])];
}

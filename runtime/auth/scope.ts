/** Every scope of a token. */
export const SCOPES = ['spans:write', 'timeline:read', 'execute', 'admin'] as const;

/** One permission. */
export type Scope = (typeof SCOPES)[number];

/** Whether a word is a scope. */
export function isScope(word: unknown): word is Scope {
  return SCOPES.some((scope) => scope === word);
}

/**
 * The scopes in a space-separated text. Unknown words are ignored, as RFC 6749 section 3.3 allows: an OIDC issuer adds
 * its own (`openid profile`), and an unknown word grants nothing.
 */
export function scopesIn(text: string): ReadonlySet<Scope> {
  return new Set(text.split(' ').filter(isScope));
}

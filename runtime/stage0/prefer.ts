/**
 * The preferences of a request (RFC 7240 section 2): values without quotes by lower-case name, `''` for a preference
 * without a value. Parameters after a semicolon are ignored; of a name given twice the first counts.
 */
export function preferencesOf(request: Request): ReadonlyMap<string, string> {
  const preferences = new Map<string, string>();
  for (const item of (request.headers.get('prefer') ?? '').split(',')) {
    const [name = '', value = ''] = (item.split(';', 1)[0] ?? '').split('=', 2);
    const key = name.trim().toLowerCase();
    if (key !== '' && !preferences.has(key)) preferences.set(key, value.trim().replace(/^"(.*)"$/, '$1'));
  }
  return preferences;
}

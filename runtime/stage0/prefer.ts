/**
 * The preferences of a request (RFC 7240 section 2): name in lower case → value without quotes, `''` when it has
 * none. Parameters behind a semicolon are passed over; of a name given twice the first counts.
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

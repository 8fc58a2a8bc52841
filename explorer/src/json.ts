/** What came from outside, looked into without believing its shape. */

/** Member of an object; undefined when there is none. */
export function member(holder: unknown, ...path: readonly string[]): unknown {
  let value = holder;
  for (const name of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Readonly<Record<string, unknown>>)[name];
  }
  return value;
}

export function textOf(holder: unknown, ...path: readonly string[]): string | undefined {
  const value = member(holder, ...path);
  return typeof value === 'string' ? value : undefined;
}

export function numberOf(holder: unknown, ...path: readonly string[]): number | undefined {
  const value = member(holder, ...path);
  return typeof value === 'number' ? value : undefined;
}

export function listOf(holder: unknown, ...path: readonly string[]): readonly unknown[] {
  const value = member(holder, ...path);
  return Array.isArray(value) ? value : [];
}

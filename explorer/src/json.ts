import { member as memberNamed } from '../../client/src/error';

/** The value at a path of member names in an unchecked value; undefined when there is none. */
export function member(holder: unknown, ...path: readonly string[]): unknown {
  return path.reduce(memberNamed, holder);
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

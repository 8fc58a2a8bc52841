/**
 * Upper bound of a value's size: a number of bytes, plus parts of rows with multiplicities.
 *
 * Different parts of one row together are at most that row: `this` and `metadata` of a span are at most one span, `this`
 * twice is two. So parts are counted by row and depth within JSON, and per depth the highest multiplicity counts.
 */
export interface Size {
  readonly bytes: number;
  /** Multiplicity of each part, by its key. */
  readonly parts: ReadonlyMap<string, number>;
}

/** The size of no value. */
export const NOTHING: Size = { bytes: 0, parts: new Map() };

/** The size of a fixed number of bytes. */
export const sizeOf = (bytes: number): Size => ({ bytes, parts: new Map() });

/** The size of a part of a row. @param name equal for parts that may overlap, different for disjoint ones */
export const partOf = (row: number, depth: number, name: string): Size => ({
  bytes: 0,
  parts: new Map([[`${row}|${depth}|${name}`, 1]]),
});

/** The size of member `name` of a JSON value that is a single part; undefined for any other size. */
export function memberOf({ bytes, parts }: Size, name: string): Size | undefined {
  const [[key, times] = [], ...others] = parts;
  if (bytes > 0 || others.length > 0 || key === undefined || times !== 1) return undefined;
  const [row, depth, path] = splitKey(key);
  return partOf(row, depth + 1, `${path}\u0001${name}`);
}

/** The sum of sizes. */
export function together(sizes: readonly Size[]): Size {
  return combine(sizes, (one, other) => one + other);
}

/** The maximum of sizes, member by member. */
export function largest(sizes: readonly Size[]): Size {
  return combine(sizes, Math.max);
}

/** A multiple of a size. */
export function times({ bytes, parts }: Size, factor: number): Size {
  return { bytes: bytes * factor, parts: new Map([...parts].map(([key, count]) => [key, count * factor])) };
}

function combine(sizes: readonly Size[], join: (one: number, other: number) => number): Size {
  const parts = new Map<string, number>();
  let bytes = 0;
  for (const size of sizes) {
    bytes = join(bytes, size.bytes);
    for (const [key, count] of size.parts) parts.set(key, join(parts.get(key) ?? 0, count));
  }
  return { bytes, parts };
}

/** The size in bytes. @param rowBytes bytes of a row of each source, by its number */
export function bytesOf({ bytes, parts }: Size, rowBytes: readonly number[]): number {
  const most = new Map<string, number>();
  for (const [key, count] of parts) {
    const [row, depth] = splitKey(key);
    const level = `${row}|${depth}`;
    most.set(level, Math.max(most.get(level) ?? 0, count));
  }
  let total = bytes;
  for (const [level, count] of most) total += count * (rowBytes[Number(level.split('|')[0])] ?? 0);
  return total;
}

function splitKey(key: string): [row: number, depth: number, name: string] {
  const [row = '0', depth = '0', ...name] = key.split('|');
  return [Number(row), Number(depth), name.join('|')];
}

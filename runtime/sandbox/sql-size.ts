/**
 * How large a value can become: bytes that are always there, and parts of rows, each so many times.
 *
 * The parts of one row are one row together: reading `this` and `metadata` of a span is at most one span, reading
 * `this` twice is two. So parts are counted by row and by depth within JSON, and of the parts of one depth the one that
 * is taken most often counts.
 */
export interface Size {
  readonly bytes: number;
  /** Key of a part → how many times it is taken. */
  readonly parts: ReadonlyMap<string, number>;
}

export const NOTHING: Size = { bytes: 0, parts: new Map() };

export const sizeOf = (bytes: number): Size => ({ bytes, parts: new Map() });

/** @param name must tell apart what does not overlap, and nothing else */
export const partOf = (row: number, depth: number, name: string): Size => ({
  bytes: 0,
  parts: new Map([[`${row}|${depth}|${name}`, 1]]),
});

/** The member `name` of JSON that is one part; undefined when the JSON is anything else. */
export function memberOf({ bytes, parts }: Size, name: string): Size | undefined {
  const [[key, times] = [], ...others] = parts;
  if (bytes > 0 || others.length > 0 || key === undefined || times !== 1) return undefined;
  const [row, depth, path] = splitKey(key);
  return partOf(row, depth + 1, `${path}\u0001${name}`);
}

export function together(sizes: readonly Size[]): Size {
  return combine(sizes, (one, other) => one + other);
}

export function largest(sizes: readonly Size[]): Size {
  return combine(sizes, Math.max);
}

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

/** The size in bytes. @param rowBytes how large each row is, by its number */
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

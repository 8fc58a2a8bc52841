/** A member that differs between two versions. */
export interface Difference {
  /** JSON pointer (RFC 6901). */
  readonly pointer: string;
  /** Undefined when the member was missing. */
  readonly before: unknown;
  readonly after: unknown;
}

/** Members that differ in every version whatever its content. */
const SEALS = new Set(['seq', 'at', 'prev_hash', 'curr_hash', 'signature', 'public_key']);
/** Limit of differences found. */
export const MAX_DIFFERENCES = 500;

/** Differences between two versions, without their seals; at most {@link MAX_DIFFERENCES}. */
export function differencesOf(before: object, after: object): readonly Difference[] {
  const found: Difference[] = [];
  compare('', withoutSeals(before), withoutSeals(after), found);
  return found;
}

function withoutSeals(span: object): object {
  return Object.fromEntries(Object.entries(span).filter(([name]) => !SEALS.has(name)));
}

function compare(pointer: string, before: unknown, after: unknown, found: Difference[]): void {
  if (Object.is(before, after) || found.length >= MAX_DIFFERENCES) return;
  if (isHolder(before) && isHolder(after) && Array.isArray(before) === Array.isArray(after)) {
    for (const name of new Set([...Object.keys(before), ...Object.keys(after)]))
      compare(`${pointer}/${escaped(name)}`, own(before, name), own(after, name), found);
  } else found.push({ pointer, before, after });
}

function isHolder(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

function own(holder: Readonly<Record<string, unknown>>, name: string): unknown {
  return Object.hasOwn(holder, name) ? holder[name] : undefined;
}

function escaped(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1');
}
